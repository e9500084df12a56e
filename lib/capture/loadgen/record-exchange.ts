import { type Ms, type Tokens, wholeMicros } from "../../base/index.js";
import { Fingerprinter, internHashes } from "../../trace/files/index.js";
import type { BlockTable, JsonValue, TraceRecord } from "../../trace/index.js";
import type { Exchange } from "./exchange.js";

/** What the load generator knows of a request before sending it. */
export interface RequestLabels {
  readonly outputTokens: Tokens;
  readonly session?: string;
  /** From 1. */
  readonly turn?: number;
  /** Part of a sweep that it belongs to. */
  readonly stage?: string;
}

/** The circumstances of an exchange. */
export interface ExchangeContext {
  readonly labels: RequestLabels;
  /** Start of the run on the clock of the exchange. */
  readonly startedAtMs: Ms;
  /** When the request was due. */
  readonly dueAtMs: Ms;
  /** Requests in flight when it was sent, itself included. */
  readonly concurrency: number;
  /** The ids of the prompt, as the server returned them, else as the client sent them. */
  readonly promptTokenIds: ArrayLike<number> | undefined;
  readonly expectedPromptTokens: Tokens;
  readonly blockSize: Tokens;
  readonly blocks: BlockTable;
}

/**
 * Turns an exchange into a trace record. Failures are records too: their `finishReason` is the reason, `error` says
 * more, and what was seen of the answer stays. `send_lag_ms` is the time from when the request was due to when its
 * bytes went out; `prompt_tokens_expected` marks a prompt that neither server nor client has counted.
 *
 * Token ids that are there outvote a server's usage that counts fewer: what it claims is then beside them, as
 * `server_prompt_tokens` and `server_output_tokens`. Text outvotes nothing, since a chunk of it need not be a token:
 * where there are more chunks than the server counts, `text_chunks` says how many, and their tokens are left out.
 */
export function recordExchange(exchange: Exchange, context: ExchangeContext): TraceRecord {
  const { labels, blockSize, blocks } = context;
  const { chunkAtMs, chunkTokens, usage, failure, outputTokenIds } = exchange;
  const promptIds = context.promptTokenIds;
  const gaps = Math.max(0, chunkAtMs.length - 1);
  const itlMs = new Float64Array(gaps);
  for (let i = 0; i < gaps; i++) itlMs[i] = wholeMicros(chunkAtMs[i + 1] - chunkAtMs[i]);
  const itlTokens = Int32Array.from(chunkTokens.slice(1));
  const seenTokens = sum(chunkTokens);
  const prompt = countTokens(usage?.promptTokens, promptIds?.length);
  const output = countTokens(usage?.outputTokens, outputTokenIds?.length);
  const promptTokens = prompt.tokens ?? context.expectedPromptTokens;
  const outputTokens = output.tokens ?? seenTokens;
  const cachedTokens = usage?.cachedTokens;
  const isCachedPossible = cachedTokens === undefined || cachedTokens <= promptTokens;
  const finishReason = failure?.reason ?? exchange.finishReason;
  const extra: Record<string, JsonValue> = {
    send_lag_ms: wholeMicros((exchange.writtenAtMs ?? exchange.endedAtMs) - context.dueAtMs),
    ...(labels.stage !== undefined && { stage: labels.stage }),
    ...(failure && { error: failure.detail }),
    ...(usage === undefined && promptIds === undefined && { prompt_tokens_expected: true }),
    ...(prompt.outvoted !== undefined && { server_prompt_tokens: prompt.outvoted }),
    ...(output.outvoted !== undefined && { server_output_tokens: output.outvoted }),
    ...(!isCachedPossible && { server_cached_tokens: cachedTokens }),
    ...(seenTokens > outputTokens && { text_chunks: seenTokens }),
  };
  const fingerprinter = new Fingerprinter({ blockSize });
  return {
    promptTokens,
    ...(cachedTokens !== undefined && isCachedPossible && { cachedTokens }),
    outputTokens,
    arrivalMs: wholeMicros(exchange.sentAtMs - context.startedAtMs),
    ...(chunkAtMs.length > 0 && { ttftMs: wholeMicros(chunkAtMs[0] - exchange.sentAtMs), itlMs }),
    ...(itlTokens.some((tokens) => tokens !== 1) && seenTokens <= outputTokens && { itlTokens }),
    concurrency: context.concurrency,
    ...(promptIds && { blockIds: internHashes(fingerprinter.append(promptIds), blocks) }),
    ...(promptIds &&
      outputTokenIds && { outputBlockIds: internHashes(fingerprinter.append(outputTokenIds), blocks) }),
    ...(finishReason !== undefined && { finishReason }),
    elapsedMs: wholeMicros(exchange.endedAtMs - exchange.sentAtMs),
    ...(labels.session !== undefined && { session: labels.session }),
    ...(labels.turn !== undefined && { turn: labels.turn }),
    extra,
  };
}

/** The server's count, unless there are more ids than that: then theirs, and what it claimed. */
function countTokens(claimed: Tokens | undefined, ids: Tokens | undefined) {
  return claimed !== undefined && ids !== undefined && claimed < ids
    ? { tokens: ids, outvoted: claimed }
    : { tokens: claimed ?? ids };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
