import { type Ms, type PerSecond, quantile } from "../../base/index.js";
import { settingsToWire } from "../../settings/index.js";
import { isComplete, type TraceRecord } from "../../trace/index.js";
import type { LoadgenResult } from "./run-loadgen.js";
import { sendLagJson } from "./send-lag.js";

/** Quantiles of type 7; null where there is nothing to take them of. */
export interface QuantileJson {
  readonly p50: Ms | null;
  readonly p90: Ms | null;
  readonly p99: Ms | null;
}

/** Latencies of a group of complete requests. */
export interface CohortJson {
  readonly n: number;
  readonly ttft_ms: QuantileJson;
  /** Gaps between chunks, over all of the group's requests. */
  readonly itl_ms: QuantileJson;
  /** Share of prompt tokens that came from the prefix cache; null where the server does not report it. */
  readonly cached_share: number | null;
}

/** A run in numbers, as `--out` writes it. */
export interface LoadSummary {
  readonly requests: number;
  readonly completed: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly not_sent: number;
  readonly stopped: boolean;
  readonly loop: string;
  readonly send_lag_ms: { readonly p50: Ms; readonly p99: Ms; readonly max: Ms } | null;
  readonly duration_s: number;
  readonly requests_per_s: PerSecond;
  readonly output_tokens_per_s: PerSecond;
  readonly cohorts: Readonly<Record<"all" | "turn1" | "turns2plus", CohortJson>>;
  readonly warnings: readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Sums up a run. Failed requests are counted by reason and left out of the latencies, which says `n`. */
export function summariseLoad(result: LoadgenResult): LoadSummary {
  const { records, meta } = result.trace;
  const complete = records.filter(isComplete);
  const failed: Record<string, number> = {};
  for (const { finishReason = "unknown" } of records.filter((record) => !isComplete(record)))
    failed[finishReason] = (failed[finishReason] ?? 0) + 1;
  const seconds = result.durationMs / 1000;
  const { sendLag } = result;
  return {
    requests: records.length,
    completed: complete.length,
    failed,
    not_sent: result.notSent,
    stopped: result.stopped,
    loop: result.loop,
    send_lag_ms: sendLag ? sendLagJson(sendLag) : null,
    duration_s: seconds,
    requests_per_s: complete.length / seconds,
    output_tokens_per_s: complete.reduce((sum, { outputTokens }) => sum + outputTokens, 0) / seconds,
    cohorts: {
      all: cohort(complete),
      turn1: cohort(complete.filter(({ turn }) => turn === 1)),
      turns2plus: cohort(complete.filter(({ turn }) => turn !== undefined && turn > 1)),
    },
    warnings: result.warnings,
    meta: {
      model: meta.model,
      source: meta.source,
      block_size: meta.blockSize,
      ...settingsToWire(meta.engine ?? {}),
      ...meta.extra,
    },
  };
}

function cohort(records: readonly TraceRecord[]): CohortJson {
  const withCache = records.filter(({ cachedTokens }) => cachedTokens !== undefined);
  const promptTokens = withCache.reduce((sum, record) => sum + record.promptTokens, 0);
  const cachedTokens = withCache.reduce((sum, record) => sum + (record.cachedTokens as number), 0);
  return {
    n: records.length,
    ttft_ms: quantiles(records.map(({ ttftMs }) => ttftMs as Ms)),
    itl_ms: quantiles(records.flatMap(({ itlMs }) => Array.from(itlMs ?? []))),
    cached_share: promptTokens > 0 ? cachedTokens / promptTokens : null,
  };
}

function quantiles(values: readonly Ms[]): QuantileJson {
  return {
    p50: quantile(values, 0.5) ?? null,
    p90: quantile(values, 0.9) ?? null,
    p99: quantile(values, 0.99) ?? null,
  };
}
