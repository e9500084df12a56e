import { type Ms, type Tokens, wholeMicros } from "../../base/index.js";
import { Fingerprinter, internHashes } from "../../trace/files/index.js";
import type { BlockTable, JsonValue, TraceRecord } from "../../trace/index.js";
import { chunkTimes, type PromptEvidence, weighCounts } from "../wire/index.js";
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
  /** Which of several servers it went to. */
  readonly replica?: string;
  /** Start of the run on the clock of the exchange. */
  readonly startedAtMs: Ms;
  /** When the request was due. */
  readonly dueAtMs: Ms;
  /** Requests in flight when it was sent, itself included. */
  readonly concurrency: number;
  /** The ids of the prompt, as the server returned them, else as the client sent them. */
  readonly promptTokenIds: ArrayLike<number> | undefined;
  readonly expectedPromptTokens: Tokens;
  /** The prompt of the turn that it continues was as long. */
  readonly atLeastPromptTokens?: Tokens;
  readonly blockSize: Tokens;
  readonly blocks: BlockTable;
}

/**
 * Turns an exchange into a trace record. Failures are records too: their `finishReason` is the reason, `error` says
 * more, and what was seen of the answer stays. `send_lag_ms` is the time from when the request was due to when its
 * bytes went out; `prompt_tokens_expected` marks a prompt that neither server nor client has counted.
 *
 * What the server counts is weighed against what was sent and seen by `weighCounts`.
 */
export function recordExchange(exchange: Exchange, context: ExchangeContext): TraceRecord {
  const { labels, blockSize, blocks, promptTokenIds: promptIds } = context;
  const { chunkAtMs, chunkTokens, usage, failure, outputTokenIds, unknownEvents } = exchange;
  const streamedTokens = sum(chunkTokens);
  const counts = weighCounts({
    usage,
    prompt: promptEvidence(context),
    answer: {
      choice: {
        streamedTokens,
        tokenIds: outputTokenIds && [...outputTokenIds],
        characters: exchange.characters,
      },
      elapsedMs: exchange.endedAtMs - exchange.sentAtMs,
      mostTokens: labels.outputTokens,
    },
    blockTokens: blockSize,
  });
  const { promptTokens, cachedTokens, outputTokens } = counts;
  const finishReason = failure?.reason ?? exchange.finishReason;
  const extra: Record<string, JsonValue> = {
    send_lag_ms: wholeMicros((exchange.writtenAtMs ?? exchange.endedAtMs) - context.dueAtMs),
    ...(labels.stage !== undefined && { stage: labels.stage }),
    ...(failure && { error: failure.detail }),
    ...counts.extra,
    ...(unknownEvents !== undefined && { unknown_events: unknownEvents }),
  };
  const fingerprinter = new Fingerprinter({ blockSize });
  return {
    promptTokens,
    ...(cachedTokens !== undefined && { cachedTokens }),
    outputTokens,
    arrivalMs: wholeMicros(exchange.sentAtMs - context.startedAtMs),
    ...chunkTimes(chunkAtMs, chunkTokens, outputTokens, exchange.sentAtMs),
    concurrency: context.concurrency,
    ...(promptIds && { blockIds: internHashes(fingerprinter.append(promptIds), blocks) }),
    ...(promptIds &&
      outputTokenIds && { outputBlockIds: internHashes(fingerprinter.append(outputTokenIds), blocks) }),
    ...(finishReason !== undefined && { finishReason }),
    elapsedMs: wholeMicros(exchange.endedAtMs - exchange.sentAtMs),
    ...(labels.session !== undefined && { session: labels.session }),
    ...(labels.turn !== undefined && { turn: labels.turn }),
    ...(context.replica !== undefined && { replica: context.replica }),
    extra,
  };
}

function promptEvidence(context: ExchangeContext): PromptEvidence {
  const { promptTokenIds, expectedPromptTokens, atLeastPromptTokens } = context;
  if (promptTokenIds) return { kind: "ids", tokens: promptTokenIds.length };
  return {
    kind: "expected",
    tokens: expectedPromptTokens,
    ...(atLeastPromptTokens !== undefined && { atLeastTokens: atLeastPromptTokens }),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
