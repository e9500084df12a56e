import type { Tokens } from "../../base/index.js";
import type { PromptTokens } from "./prompt-tokens.js";

/** Sizes kept, in tokens, of things seen. */
const MOST_SIZES = 4096;

/** A count beyond that is no count: the longest context of any model. */
const MOST_PROMPT_TOKENS = 2 ** 24;

/** A prompt's ids with its things among them, or why there are none. */
export interface WholeTokens {
  readonly ids?: Uint32Array;
  readonly reason?: string;
}

/**
 * How many tokens each image or other thing takes. Nobody tells, but the server counts whole prompts: what it counts
 * beyond the text and the things known so far is the new thing's; several new ones share it. A thing keeps its size, so
 * that a conversation that goes on has the same blocks.
 */
export class ThingSizes {
  readonly #sizes = new Map<string, Tokens>();

  /** The size of a thing, where it is known. */
  of(digest: string): Tokens | undefined {
    return this.#sizes.get(digest);
  }

  /**
   * The ids of a whole prompt: a run of ids of its own for each thing, so that prompts with different things differ from
   * there on. They are as many as the server counted, where it did: an estimate of the text's length is cut or filled up
   * at the end of the prompt.
   */
  place(tokens: PromptTokens, claimedTokens: Tokens | undefined): WholeTokens {
    const { ids, things, reason } = tokens;
    if (!ids) return { reason: reason ?? "no token ids" };
    if (things.length === 0) return { ids };
    const isCount = claimedTokens !== undefined && claimedTokens <= MOST_PROMPT_TOKENS;
    const reportedTokens = isCount ? claimedTokens : undefined;
    const unknown = things.filter(({ digest }) => !this.#sizes.has(digest));
    if (unknown.length > 0) {
      if (!reportedTokens) return { reason: "an image or file in it, and no count by the server" };
      const known = things.reduce((sum, { digest }) => sum + (this.#sizes.get(digest) ?? 0), 0);
      const rest = reportedTokens - ids.length - known;
      const size = Math.max(1, Math.floor(rest / unknown.length));
      for (const { digest } of unknown) this.#remember(digest, size);
    }
    const sizes = things.map(({ digest }) => this.#sizes.get(digest) ?? 1);
    const placed = sizes.reduce((sum, size) => sum + size, ids.length);
    const isEstimate = reportedTokens !== undefined && reportedTokens > ids.length;
    const isCut = tokens.source === "bytes/4" && reportedTokens !== undefined && reportedTokens > 0;
    const length = isEstimate || isCut ? reportedTokens : placed;
    const whole = new Uint32Array(Math.max(length, placed));
    let from = 0;
    let to = 0;
    things.forEach(({ at, digest }, i) => {
      whole.set(ids.subarray(from, at), to);
      to += at - from;
      from = at;
      const first = Number.parseInt(digest.slice(0, 8), 16);
      for (let k = 0; k < sizes[i]; k++) whole[to++] = (first + k) >>> 0;
    });
    whole.set(ids.subarray(from), to);
    return { ids: whole.subarray(0, length) };
  }

  #remember(digest: string, size: Tokens): void {
    if (this.#sizes.size >= MOST_SIZES) this.#sizes.delete(this.#sizes.keys().next().value as string);
    this.#sizes.set(digest, size);
  }
}
