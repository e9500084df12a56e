import type { Ms, PerSecond } from "../../base/index.js";
import { type CohortSummary, type Quantiles, summarizeCohort } from "../../cohorts/index.js";
import { settingsToWire } from "../../settings/index.js";
import { isComplete, type TraceRecord } from "../../trace/index.js";
import type { LoadgenResult } from "./run-loadgen.js";
import { sendLagJson } from "./send-lag.js";

/**
 * Quantiles: of type 7 where nothing is censored, else the Kaplan-Meier curve's, null where it does not reach them. Null
 * also where there is nothing to take them of.
 */
export interface QuantileJson {
  readonly p50: Ms | null;
  readonly p90: Ms | null;
  readonly p99: Ms | null;
}

/** Latencies of a group of requests. */
export interface CohortJson extends LatenciesJson {
  /** Those of `n` whose first token came. */
  readonly events: number;
  /** Those of `n` that were given up, or failed, before their first token: they waited at least as long as they did. */
  readonly censored: number;
  /** Those that delivered their whole answer, alone. */
  readonly survivors: LatenciesJson;
}

/** Latencies of requests that are all taken together. */
export interface LatenciesJson {
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

/**
 * Sums up a run. Failed requests are counted by reason. In TTFT a request without first token is censored at the time it
 * was given up, not left out: those are the slow ones. Throughput is that of the complete.
 */
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
      all: cohort(records),
      turn1: cohort(records.filter(({ turn }) => turn === 1)),
      turns2plus: cohort(records.filter(({ turn }) => turn !== undefined && turn > 1)),
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
  const summary = summarizeCohort(records);
  const complete = records.filter(isComplete);
  return {
    ...latencies(records, summary),
    events: summary.n - summary.censored,
    censored: summary.censored,
    survivors: latencies(complete, summarizeCohort(complete)),
  };
}

function latencies(records: readonly TraceRecord[], { n, ttftMs, itlMs }: CohortSummary): LatenciesJson {
  const withCache = records.filter(({ cachedTokens }) => cachedTokens !== undefined);
  const promptTokens = withCache.reduce((sum, record) => sum + record.promptTokens, 0);
  const cachedTokens = withCache.reduce((sum, record) => sum + (record.cachedTokens as number), 0);
  return {
    n,
    ttft_ms: quantiles(ttftMs),
    itl_ms: quantiles(itlMs),
    cached_share: promptTokens > 0 ? cachedTokens / promptTokens : null,
  };
}

function quantiles({ p50, p90, p99 }: Quantiles): QuantileJson {
  return { p50: p50 ?? null, p90: p90 ?? null, p99: p99 ?? null };
}
