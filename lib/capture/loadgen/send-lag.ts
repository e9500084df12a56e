import { type Ms, quantile, wholeMicros } from "../../base/index.js";
import type { TraceRecord } from "../../trace/index.js";

/** A run whose p99 send lag is above this was held back: it is not called open loop. */
export const SEND_LAG_LIMIT_MS: Ms = 5;

/** How late requests went out, from when they were due to when their bytes were written. */
export interface SendLag {
  readonly n: number;
  readonly p50Ms: Ms;
  readonly p99Ms: Ms;
  readonly maxMs: Ms;
}

/**
 * Summarises the send lag of the requests that arrive on their own: all but the later turns of sessions, which wait
 * for an answer anyway. Quantiles of type 7; undefined without any.
 */
export function summariseSendLag(records: readonly TraceRecord[]): SendLag | undefined {
  const lags = records.flatMap(({ turn, extra }) => {
    const lag = extra?.send_lag_ms;
    return typeof lag === "number" && (turn ?? 1) === 1 ? [lag] : [];
  });
  if (lags.length === 0) return undefined;
  return {
    n: lags.length,
    p50Ms: quantile(lags, 0.5) as Ms,
    p99Ms: quantile(lags, 0.99) as Ms,
    // Not spread into Math.max: a long run has more lags than a call can have arguments.
    maxMs: lags.reduce((max, lag) => Math.max(max, lag)),
  };
}

/** As meta lines and summaries write it: whole microseconds. */
export function sendLagJson(lag: SendLag): { readonly p50: Ms; readonly p99: Ms; readonly max: Ms } {
  return { p50: wholeMicros(lag.p50Ms), p99: wholeMicros(lag.p99Ms), max: wholeMicros(lag.maxMs) };
}
