import type { Ms } from "../../base/index.js";
import { AnswerLog, answerEnding, errorText } from "../wire/index.js";
import type { Exchange, Failure, FailureReason } from "./exchange.js";

/** Reads one answer as it arrives, and sums up the exchange once it is over. */
export class AnswerReader {
  readonly #answer = new AnswerLog(true);
  #failure: Failure | undefined;

  /** The first output has arrived. */
  get hasOutput(): boolean {
    const first = this.#answer.first;
    return first !== undefined && first.chunkAtMs.length > 0;
  }

  /** Takes bytes that a socket read at `readAtMs` brought. All that one read brought counts as one chunk. */
  push(bytes: Buffer, readAtMs: Ms): void {
    this.#answer.push(bytes, readAtMs);
    this.#noteError();
  }

  /** Notes a failure; the first one stands. */
  fail(reason: FailureReason, detail: string): void {
    this.#failure ??= { reason, detail };
  }

  /** Notes that the server answered with an HTTP error. */
  refuse(status: number, body: string): void {
    this.#failure ??= { reason: "error", detail: `HTTP ${status}: ${errorBodyText(body)}`, status, body };
  }

  /** The whole exchange, once the response has ended at `endedAtMs`. */
  finish(sentAtMs: Ms, writtenAtMs: Ms | undefined, endedAtMs: Ms): Exchange {
    const answer = this.#answer;
    answer.end(endedAtMs);
    const choice = answer.first;
    const ending = answerEnding(answer, choice?.finishReason, "complete", undefined);
    this.#noteError();
    if (ending === "truncated")
      this.fail("truncated", "the stream ended without finish reason and without an end mark");
    const tokenIds = choice?.tokenIds;
    return {
      sentAtMs,
      ...(writtenAtMs !== undefined && { writtenAtMs }),
      chunkAtMs: choice?.chunkAtMs ?? [],
      chunkTokens: choice?.chunkTokens ?? [],
      characters: choice?.characters ?? 0,
      endedAtMs,
      text: choice?.text ?? "",
      ...(answer.promptTokenIds && { promptTokenIds: answer.promptTokenIds }),
      ...(tokenIds && tokenIds.length > 0 && { outputTokenIds: tokenIds }),
      ...(answer.usage && { usage: answer.usage }),
      ...(answer.unknownEvents > 0 && { unknownEvents: answer.unknownEvents }),
      ...(this.#failure === undefined && { finishReason: ending }),
      ...(this.#failure && { failure: this.#failure }),
    };
  }

  #noteError(): void {
    const { errorMessage } = this.#answer;
    if (errorMessage !== undefined) this.fail("error", errorMessage);
  }
}

function errorBodyText(body: string): string {
  try {
    return errorText(JSON.parse(body) as unknown);
  } catch {
    return body.slice(0, 300);
  }
}
