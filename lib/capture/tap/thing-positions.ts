import { createHash } from "node:crypto";
import { type ChatPrompt, cutBeforeThing, thingsOf, withoutThings } from "../wire/index.js";
import type { PlacedThing } from "./quarter-tokens.js";

/** Positions kept: as many things as that are looked up without asking the tokenizer again. */
const MOST_POSITIONS = 4096;

/** Stands where a thing was cut off: what follows differs from the whole chat's tokens from there on. */
const CUT = "\u241e";

type Encode = (chat: ChatPrompt) => Promise<Uint32Array | undefined>;

/**
 * Tokens of chats with images and other things in them. The tokenizer is shown the chat without them: it need not know
 * them, and is not sent megabytes. Where a thing stood is found by tokenizing the chat up to it, once for each thing.
 */
export class ThingPositions {
  readonly #known = new Map<string, Promise<number | undefined>>();

  /** @returns undefined when the tokenizer does not answer */
  async encode(
    chat: ChatPrompt,
    encode: Encode,
  ): Promise<{ readonly ids: Uint32Array; readonly things: readonly PlacedThing[] } | undefined> {
    const digests = thingsOf(chat);
    if (digests.length === 0) {
      const ids = await encode(chat);
      return ids && { ids, things: [] };
    }
    const ids = await encode(withoutThings(chat));
    if (!ids) return undefined;
    const things: PlacedThing[] = [];
    for (let i = 0; i < digests.length; i++) {
      const at = await this.#position(cutBeforeThing(chat, i, CUT), ids, encode);
      if (at === undefined) return undefined;
      things.push({ at: Math.max(at, things.at(-1)?.at ?? 0), digest: digests[i] });
    }
    return { ids, things };
  }

  #position(before: ChatPrompt, ids: Uint32Array, encode: Encode): Promise<number | undefined> {
    const key = createHash("sha256").update(JSON.stringify(before)).digest("base64");
    const known = this.#known.get(key);
    if (known) return known;
    const found = this.#find(before, ids, encode).then((at) => {
      if (at === undefined) this.#known.delete(key);
      return at;
    });
    if (this.#known.size >= MOST_POSITIONS) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(key, found);
    return found;
  }

  async #find(before: ChatPrompt, ids: Uint32Array, encode: Encode): Promise<number | undefined> {
    const start = await encode(before);
    if (!start) return undefined;
    let at = 0;
    while (at < start.length && at < ids.length && start[at] === ids[at]) at++;
    return at;
  }
}
