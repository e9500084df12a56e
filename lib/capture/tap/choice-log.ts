import type { Ms, Tokens } from "../../base/index.js";

/**
 * When the tokens of one choice arrived. Tokens that one socket read brought share its time and count as one chunk:
 * nobody on this side of the socket can know more.
 */
export class ChoiceLog {
  readonly chunkAtMs: Ms[] = [];
  readonly chunkTokens: Tokens[] = [];
  /** Ids of the output tokens; undefined once a chunk came without. */
  tokenIds: number[] | undefined = [];
  finishReason: string | undefined;

  get outputTokens(): Tokens {
    return this.chunkTokens.reduce((sum, tokens) => sum + tokens, 0);
  }

  /** Adds tokens that arrived at `atMs`, with their ids where the server tells them. */
  add(tokens: Tokens, ids: readonly number[] | undefined, atMs: Ms): void {
    if (tokens === 0) return;
    if (ids) this.tokenIds?.push(...ids);
    else this.tokenIds = undefined;
    const last = this.chunkAtMs.length - 1;
    if (last >= 0 && this.chunkAtMs[last] === atMs) {
      this.chunkTokens[last] += tokens;
    } else {
      this.chunkAtMs.push(atMs);
      this.chunkTokens.push(tokens);
    }
  }
}
