import { type Ms, mean, quantile } from "../base/index.js";
import { meanGapMs, type Trace, type TraceRecord } from "../trace/index.js";

/** One statistic of a capture beside the same of its replay: TTFT, or TPOT (a request's mean gap, the first token left out). */
export interface StatisticCell {
  readonly quantity: "ttft" | "tpot";
  readonly statistic: "mean" | "p50" | "p90" | "p99";
  readonly capturedMs: Ms;
  readonly modeledMs: Ms;
  /** modeled / captured - 1 */
  readonly error: number;
}

const statistics = [
  ["mean", mean],
  ["p50", (values: readonly number[]) => quantile(values, 0.5)],
  ["p90", (values: readonly number[]) => quantile(values, 0.9)],
  ["p99", (values: readonly number[]) => quantile(values, 0.99)],
] as const;

const quantities = [
  ["ttft", (record: TraceRecord) => record.ttftMs],
  ["tpot", meanGapMs],
] as const;

/** What both sides have of a quantity: a request that failed in one would be served in the other, and change only its quantiles. */
function pairs(
  captured: readonly TraceRecord[],
  modeled: readonly TraceRecord[],
  of: (record: TraceRecord) => Ms | undefined,
  isCounted: (index: number) => boolean,
): readonly [captured: Ms[], modeled: Ms[]] {
  const sides: [Ms[], Ms[]] = [[], []];
  captured.forEach((record, i) => {
    const capturedMs = isCounted(i) ? of(record) : undefined;
    const modeledMs = capturedMs === undefined ? undefined : of(modeled[i]);
    if (capturedMs === undefined || modeledMs === undefined) return;
    sides[0].push(capturedMs);
    sides[1].push(modeledMs);
  });
  return sides;
}

/**
 * TTFT and TPOT of these records of a capture beside those of its replay, over the records of which both have it. A statistic
 * that is 0 in the capture has no relative error and is left out.
 */
export function compareStatistics(
  captured: readonly TraceRecord[],
  modeled: readonly TraceRecord[],
): StatisticCell[] {
  return quantities.flatMap(([quantity, of]) => {
    const [a, b] = pairs(captured, modeled, of, () => true);
    return statistics.flatMap(([statistic, statisticOf]) => {
      const [capturedMs, modeledMs] = [statisticOf(a), statisticOf(b)];
      if (!capturedMs || modeledMs === undefined) return [];
      return [{ quantity, statistic, capturedMs, modeledMs, error: modeledMs / capturedMs - 1 }];
    });
  });
}

const scoredQuantiles = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/**
 * How far a replay is from its capture on some records: the mean of |log(modeled / captured)| over the deciles and the 95th
 * percentile of TTFT and of TPOT; 0.05 is about 5 %. Undefined where there is nothing to compare.
 */
export function replayError(
  captured: Trace,
  modeled: Trace,
  isScored: (index: number) => boolean,
): { readonly error: number; readonly n: number } | undefined {
  let n = 0;
  const errors = quantities.flatMap(([, of]) => {
    const [a, b] = pairs(captured.records, modeled.records, of, isScored);
    n = Math.max(n, a.length);
    return scoredQuantiles.flatMap((q) => {
      const [capturedMs, modeledMs] = [quantile(a, q), quantile(b, q)];
      return capturedMs === undefined || modeledMs === undefined
        ? []
        : [Math.abs(Math.log(Math.max(modeledMs, 1e-6) / Math.max(capturedMs, 1e-6)))];
    });
  });
  const error = mean(errors);
  return error === undefined ? undefined : { error, n };
}
