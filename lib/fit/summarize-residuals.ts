import { type Ms, mean, quantileSorted, sortedCopy } from "../base/index.js";
import type { ResidualSummary } from "./fit-report.js";

/** Observed and predicted durations of one kind, ms; `kept` false where the fit trimmed the observation. */
export interface ResidualRows {
  readonly of: string;
  readonly observedMs: ArrayLike<number>;
  readonly predictedMs: ArrayLike<number>;
  readonly kept: ArrayLike<boolean>;
}

/** Coefficient of variation below which R squared says nothing: there is no variance to explain. */
const leastVariation = 0.02;

/**
 * Relative residuals and R squared, 1 - SSE / SST, of one kind of observation.
 * @returns undefined for no observations
 */
export function summarizeResiduals(rows: ResidualRows): ResidualSummary | undefined {
  const { of, observedMs, predictedMs, kept } = rows;
  const n = observedMs.length;
  if (n === 0) return undefined;
  const relative = sortedCopy(Array.from(observedMs, (ms, i) => ms / predictedMs[i] - 1));
  const used = Array.from(observedMs, (_, i) => i).filter((i) => kept[i]);
  // Of none used there is no mean, and nothing that varies.
  const average = mean(used.map((i) => observedMs[i])) as Ms;
  let sse = 0;
  let sst = 0;
  for (const i of used) {
    sse += (observedMs[i] - predictedMs[i]) ** 2;
    sst += (observedMs[i] - average) ** 2;
  }
  const varies = Math.sqrt(sst / used.length) > leastVariation * average;
  return {
    of,
    n,
    rSquared: varies ? 1 - sse / sst : undefined,
    relative: {
      p05: quantileSorted(relative, 0.05)!,
      p50: quantileSorted(relative, 0.5)!,
      p95: quantileSorted(relative, 0.95)!,
    },
  };
}
