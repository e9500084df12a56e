import type { Ms, Tokens } from "../../base/index.js";
import { type ChoiceDelta, completionEvent } from "../wire/index.js";
import type { Exchange, FailureReason, Usage } from "./exchange.js";
import { SseParser } from "./sse-parser.js";

/**
 * Reads one streamed answer of `/v1/completions` or `/v1/chat/completions` and notes when each part of it arrived.
 * All events of one socket read share its time and count as one chunk: the client cannot know more.
 *
 * vLLM's stream in short: a chunk a scheduler output, with `token_ids` and, in the first one, `prompt_token_ids` when
 * `return_token_ids` was asked for; the last chunk has the finish reason; then one chunk without choices has the
 * usage; then `[DONE]`.
 */
export class AnswerReader {
  readonly chunkAtMs: Ms[] = [];
  readonly chunkTokens: Tokens[] = [];
  readonly #sse = new SseParser();
  #text = "";
  #outputTokenIds: number[] | undefined;
  #promptTokenIds: readonly number[] | undefined;
  #usage: Usage | undefined;
  #finishReason: string | undefined;
  #done = false;
  #failure: { reason: FailureReason; detail: string } | undefined;

  /** Takes bytes that a socket read at `readAtMs` brought. */
  push(bytes: Buffer, readAtMs: Ms): void {
    let tokens = 0;
    this.#sse.push(bytes, (data) => {
      tokens += this.#event(data);
    });
    if (tokens === 0) return;
    const last = this.chunkAtMs.length - 1;
    if (last >= 0 && this.chunkAtMs[last] === readAtMs) this.chunkTokens[last] += tokens;
    else {
      this.chunkAtMs.push(readAtMs);
      this.chunkTokens.push(tokens);
    }
  }

  /** Notes a failure; the first one stands. */
  fail(reason: FailureReason, detail: string): void {
    this.#failure ??= { reason, detail };
  }

  /** The whole exchange, once the response has ended at `endedAtMs`. */
  finish(sentAtMs: Ms, writtenAtMs: Ms | undefined, endedAtMs: Ms): Exchange {
    if (!this.#done && this.#finishReason === undefined)
      this.fail("truncated", "the stream ended without finish reason and without [DONE]");
    return {
      sentAtMs,
      ...(writtenAtMs !== undefined && { writtenAtMs }),
      chunkAtMs: this.chunkAtMs,
      chunkTokens: this.chunkTokens,
      endedAtMs,
      text: this.#text,
      ...(this.#promptTokenIds && { promptTokenIds: this.#promptTokenIds }),
      ...(this.#outputTokenIds && { outputTokenIds: this.#outputTokenIds }),
      ...(this.#usage && { usage: this.#usage }),
      ...(this.#finishReason !== undefined && { finishReason: this.#finishReason }),
      ...(this.#failure && { failure: this.#failure }),
    };
  }

  /** Returns the output tokens the event brought: as many as it has ids, else one for any text. */
  #event(data: string): Tokens {
    if (data === "[DONE]") {
      this.#done = true;
      return 0;
    }
    const event = completionEvent(data);
    if (!event) {
      this.fail("error", `an event of the stream is no JSON: ${data.slice(0, 80)}`);
      return 0;
    }
    if (event.errorMessage !== undefined) this.fail("error", event.errorMessage.slice(0, 300));
    const { promptTokens, completionTokens, cachedTokens } = event.usage ?? {};
    if (promptTokens !== undefined && completionTokens !== undefined)
      this.#usage = {
        promptTokens,
        outputTokens: completionTokens,
        ...(cachedTokens !== undefined && { cachedTokens }),
      };
    const choice = event.choices[0];
    const promptTokenIds = event.promptTokenIds ?? choice?.promptTokenIds;
    if (promptTokenIds) this.#promptTokenIds = promptTokenIds;
    return choice ? this.#choice(choice) : 0;
  }

  #choice(choice: ChoiceDelta): Tokens {
    this.#text += choice.text;
    if (choice.finishReason !== undefined) this.#finishReason = choice.finishReason;
    if (choice.tokenIds) {
      this.#outputTokenIds ??= [];
      this.#outputTokenIds.push(...choice.tokenIds);
      return choice.tokenIds.length;
    }
    return choice.hasText ? 1 : 0;
  }
}
