import { createHash } from "node:crypto";
import type { Tokens } from "../../base/index.js";
import type { ChatMessage, ChatPrompt } from "../wire/index.js";
import { withoutThings } from "../wire/index.js";

/** Lengths kept, of as many messages. */
const MOST_LENGTHS = 65_536;
/** Questions a second that a server is asked for lengths, after a first few: they are not worth more of its time. */
const QUESTIONS_PER_SECOND = 10;
const QUESTIONS_AT_ONCE = 64;

/** Stands before a message that is measured, for templates that put in a system text where there is none. */
const LEAD: ChatMessage = { role: "system", content: "x" };

/** Token ids of a chat as a prompt. */
export type EncodeChat = (chat: ChatPrompt) => Promise<Uint32Array | undefined>;

/**
 * How many tokens each part of a chat is: the difference that it makes to a chat of one letter. A message is asked for
 * once, whichever conversations it is in, so that one that grows costs a short question a new message. Templates exist
 * that do not simply put messages one after another: lengths that do not sum to the prompt's are not to be believed.
 */
export class MessageLengths {
  readonly #known = new Map<string, Promise<Tokens | undefined>>();
  readonly #nowMs: () => number;
  #questions = QUESTIONS_AT_ONCE;
  #refilledAtMs: number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#refilledAtMs = nowMs();
  }

  /**
   * @param chat its things are left out
   * @returns a length for each of `chatParts`, what begins the answer counted with the last; undefined where they
   *   cannot be told, or not without asking too much
   */
  async of(chat: ChatPrompt, encode: EncodeChat): Promise<Tokens[] | undefined> {
    const { messages, tools, ...rest } = withoutThings(chat);
    const count = (asked: readonly ChatMessage[], begun = false, withTools: readonly unknown[] = []) =>
      this.#count(
        {
          ...rest,
          messages: asked,
          tools: withTools,
          templateFields: { ...rest.templateFields, add_generation_prompt: begun },
        },
        encode,
      );
    const base = await count([LEAD]);
    const begun = await count([LEAD], true);
    // Equal: the server begins an answer whether asked to or not, or its template never does.
    if (base === undefined || begun === undefined || begun === base) return undefined;
    const lengths: Tokens[] = [];
    for (const [i, message] of messages.entries()) {
      const alone = i === 0 && message.role === "system";
      const counted = await count(alone ? [message] : [LEAD, message]);
      if (counted === undefined) return undefined;
      lengths.push(alone ? counted : counted - base);
    }
    if (tools.length > 0) {
      const lead = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
      const before = lead < 0 ? messages.length : lead;
      const system = lead === 0 ? [LEAD] : messages.slice(0, before);
      const [without, withTools] = [await count(system), await count(system, false, tools)];
      if (without === undefined || withTools === undefined) return undefined;
      lengths.splice(chat.toolsFirst ? 0 : before, 0, withTools - without);
    }
    lengths[lengths.length - 1] += begun - base;
    return lengths.every((length) => length >= 0) ? lengths : undefined;
  }

  #count(chat: ChatPrompt, encode: EncodeChat): Promise<Tokens | undefined> {
    const key = createHash("sha256").update(JSON.stringify(chat)).digest("base64");
    const known = this.#known.get(key);
    if (known) return known;
    if (!this.#mayAsk()) return Promise.resolve(undefined);
    const counted = encode(chat).then((ids) => {
      if (!ids) this.#known.delete(key);
      return ids?.length;
    });
    if (this.#known.size >= MOST_LENGTHS) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(key, counted);
    return counted;
  }

  #mayAsk(): boolean {
    const nowMs = this.#nowMs();
    const refill = ((nowMs - this.#refilledAtMs) / 1000) * QUESTIONS_PER_SECOND;
    this.#questions = Math.min(QUESTIONS_AT_ONCE, this.#questions + refill);
    this.#refilledAtMs = nowMs;
    if (this.#questions < 1) return false;
    this.#questions--;
    return true;
  }
}
