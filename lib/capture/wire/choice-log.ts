import type { Ms, Tokens } from "../../base/index.js";
import type { ChoicePart } from "./answer-event.js";

/**
 * What came of one choice, and when. Tokens that one socket read brought share its time and count as one chunk: nobody
 * on this side of the socket can know more.
 */
export class ChoiceLog {
  /** Empty for an answer that was not streamed. */
  readonly chunkAtMs: Ms[] = [];
  readonly chunkTokens: Tokens[] = [];
  /** Ids of the output tokens; undefined once a chunk came without. */
  tokenIds: number[] | undefined = [];
  finishReason: string | undefined;
  /** Of all that was generated, thinking and tool calls included. */
  characters = 0;
  /** The answer's text. */
  text = "";

  /** Tokens that came in timed chunks: one a part that says anything, or as many as it has ids. */
  get streamedTokens(): Tokens {
    let sum = 0;
    for (const tokens of this.chunkTokens) sum += tokens;
    return sum;
  }

  /** Takes a part that arrived at `atMs`; undefined for an answer that came as a whole. */
  add(part: ChoicePart, atMs: Ms | undefined, keepsText: boolean): void {
    if (part.finishReason !== undefined) this.finishReason = part.finishReason;
    this.characters += part.characters;
    if (keepsText) this.text += part.text;
    const tokens = part.tokenIds?.length ?? (part.characters > 0 ? 1 : 0);
    if (tokens === 0) return;
    if (part.tokenIds) for (const id of part.tokenIds) this.tokenIds?.push(id);
    else this.tokenIds = undefined;
    if (atMs === undefined) return;
    const last = this.chunkAtMs.length - 1;
    if (last >= 0 && this.chunkAtMs[last] === atMs) this.chunkTokens[last] += tokens;
    else {
      this.chunkAtMs.push(atMs);
      this.chunkTokens.push(tokens);
    }
  }
}
