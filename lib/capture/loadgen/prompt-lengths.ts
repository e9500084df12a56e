import type { Tokens } from "../../base/index.js";
import type { TraceRecord } from "../../trace/index.js";

/** Prompts meant to be as long are counted alike to this share: their texts differ. */
const LEAST_SHARE = 0.7;
/** Expected lengths closer than this are one length. */
const ONE_LENGTH = Math.log(1.05);

/**
 * How long prompts are at least, by what was told of others: servers are known that count only what they computed of a
 * prompt, which is little where the rest was cached. A conversation only grows, and made-up texts of one length have about
 * as many tokens.
 */
export class PromptLengths {
  readonly #ofSession = new Map<string, Tokens>();
  readonly #ofLength = new Map<number, Tokens>();

  /**
   * @param likeTokens expected length of a made-up prompt; undefined for any other
   * @returns undefined where nothing is known
   */
  atLeast(session: string | undefined, likeTokens: Tokens | undefined): Tokens | undefined {
    const before = session === undefined ? undefined : this.#ofSession.get(session);
    const like = likeTokens === undefined ? undefined : this.#ofLength.get(lengthClass(likeTokens));
    if (before === undefined && like === undefined) return undefined;
    return Math.max(before ?? 0, Math.floor(LEAST_SHARE * (like ?? 0)));
  }

  /** Notes a record whose prompt was weighed. */
  told(session: string | undefined, likeTokens: Tokens | undefined, record: TraceRecord): void {
    if (session !== undefined) this.#ofSession.set(session, record.promptTokens);
    if (likeTokens === undefined || record.extra?.prompt_tokens_expected) return;
    const length = lengthClass(likeTokens);
    this.#ofLength.set(length, Math.max(this.#ofLength.get(length) ?? 0, record.promptTokens));
  }
}

function lengthClass(tokens: Tokens): number {
  return Math.round(Math.log(Math.max(1, tokens)) / ONE_LENGTH);
}
