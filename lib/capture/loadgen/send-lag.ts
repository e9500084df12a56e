import { type Ms, quantile } from "../../base/index.js";
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

/** Summarises the send lag of records (quantiles of type 7); undefined without any. */
export function summariseSendLag(records: readonly TraceRecord[]): SendLag | undefined {
  const lags = records.flatMap((record) => {
    const lag = record.extra?.send_lag_ms;
    return typeof lag === "number" ? [lag] : [];
  });
  if (lags.length === 0) return undefined;
  return {
    n: lags.length,
    p50Ms: quantile(lags, 0.5) as Ms,
    p99Ms: quantile(lags, 0.99) as Ms,
    maxMs: Math.max(...lags),
  };
}
