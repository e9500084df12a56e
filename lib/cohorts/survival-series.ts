import type { Ms } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import { kaplanMeier, pointwiseBand, type SurvivalCurve } from "../survival/index.js";
import { type CohortName, cohortIndices, ttftObservations, ttftQuantiles } from "./cohorts.js";

/** The TTFT survival curve of one cohort of one trace, ready to be drawn or tabulated. Times are milliseconds. */
export interface TtftSurvival {
  readonly cohort: CohortName;
  readonly curve: SurvivalCurve;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly n: number;
  readonly censored: number;
  /** Undefined where the curve does not fall to one half. */
  readonly medianMs?: Ms;
}

/**
 * Kaplan-Meier curve of TTFT for a cohort, with a pointwise 95 % band (log-log transform). Requests that never showed
 * a first token are censored when they were last known to wait.
 * @param isCounted which records of the cohort count, by their index; default all
 * @example
 * ```ts
 * import { readCapture, ttftSurvival, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { n, censored, medianMs } = ttftSurvival(workloadOf(trace), "turns2plus");
 * [n, censored, medianMs]; // → [256, 0, 56.19]
 * ```
 */
export function ttftSurvival(
  { trace, sessions }: Workload,
  cohort: CohortName,
  isCounted: (index: number) => boolean = () => true,
): TtftSurvival {
  const records = cohortIndices(sessions, cohort)
    .filter(isCounted)
    .map((i) => trace.records[i]);
  const { times, observed } = ttftObservations(records);
  const curve = kaplanMeier({ times, observed });
  const { lower, upper } = pointwiseBand(curve, { level: 0.95, transform: "log-log" });
  // The same median as in every table: quantile type 7 where nothing is censored, the curve's own where something is.
  const medianMs = ttftQuantiles({ times, observed }).p50;
  return {
    cohort,
    curve,
    lower,
    upper,
    n: times.length,
    censored: observed.filter((seen) => !seen).length,
    ...(medianMs !== undefined && { medianMs }),
  };
}
