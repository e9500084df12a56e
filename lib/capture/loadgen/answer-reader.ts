import type { Ms, Tokens } from "../../base/index.js";
import type { Exchange, FailureReason, Usage } from "./exchange.js";
import { SseParser } from "./sse-parser.js";

interface StreamChoice {
  readonly text?: string | null;
  readonly delta?: { readonly content?: string | null; readonly reasoning_content?: string | null };
  readonly token_ids?: unknown;
  readonly prompt_token_ids?: unknown;
  readonly finish_reason?: string | null;
}

interface StreamChunk {
  readonly choices?: readonly StreamChoice[];
  readonly prompt_token_ids?: unknown;
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number | null } | null;
  } | null;
  readonly error?: unknown;
}

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
    if (last >= 0 && this.chunkAtMs[last] === readAtMs) this.chunkTokens[last]! += tokens;
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
    let chunk: StreamChunk;
    try {
      chunk = JSON.parse(data) as StreamChunk;
    } catch {
      this.fail("error", `an event of the stream is no JSON: ${data.slice(0, 80)}`);
      return 0;
    }
    if (chunk === null || typeof chunk !== "object") return 0;
    if (chunk.error !== undefined && chunk.error !== null) this.fail("error", errorText(chunk.error));
    if (chunk.usage) this.#usage = readUsage(chunk.usage);
    const choice = chunk.choices?.[0];
    const promptIds = tokenIdsOf(chunk.prompt_token_ids ?? choice?.prompt_token_ids);
    if (promptIds) this.#promptTokenIds = promptIds;
    return choice ? this.#choice(choice) : 0;
  }

  #choice(choice: StreamChoice): Tokens {
    const text = choice.text ?? choice.delta?.content ?? "";
    this.#text += text;
    if (choice.finish_reason) this.#finishReason = choice.finish_reason;
    const ids = tokenIdsOf(choice.token_ids);
    if (ids) {
      this.#outputTokenIds ??= [];
      this.#outputTokenIds.push(...ids);
      return ids.length;
    }
    return text !== "" || choice.delta?.reasoning_content ? 1 : 0;
  }
}

/** An array of what can be token ids; anything else is as good as none. */
function tokenIdsOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  for (const id of value) if (id >>> 0 !== id) return undefined;
  return value as number[];
}

/** The message inside an error body, whatever its shape. */
export function errorText(error: unknown): string {
  const inner = (error as { message?: unknown } | null)?.message;
  const text = typeof inner === "string" ? inner : typeof error === "string" ? error : JSON.stringify(error);
  return (text ?? "unknown error").slice(0, 300);
}

function readUsage(usage: NonNullable<StreamChunk["usage"]>): Usage | undefined {
  if (usage.prompt_tokens === undefined || usage.completion_tokens === undefined) return undefined;
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens;
  return {
    promptTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    ...(typeof cachedTokens === "number" && { cachedTokens }),
  };
}
