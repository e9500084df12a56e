import type { Ms } from "../base/index.js";
import { type CohortName, cohortNames, ttftObservation, ttftSurvival } from "../cohorts/index.js";
import type { Workload } from "../sessions/index.js";
import { ksDistance, type SurvivalCurve, wassersteinDistance } from "../survival/index.js";
import type { Trace } from "../trace/index.js";

/** How far apart two whole TTFT curves are. */
export interface CurveDistance {
  readonly cohort: CohortName;
  /** Largest vertical distance (Kolmogorov-Smirnov), a share from 0 to 1. */
  readonly ks: number;
  /** Area between the curves (Wasserstein-1): the mean distance of equal quantiles, ms. */
  readonly wassersteinMs: Ms;
}

/**
 * Distances of the TTFT curves per cohort, up to the last time that both curves know. Empty cohorts are left out, and so are
 * requests of whose wait the capture tells nothing.
 * @param isJudged which records count, by their index; default all
 */
export function ttftDistances(
  { trace: captured, sessions }: Workload,
  modeled: Trace,
  isJudged: (index: number) => boolean = () => true,
): CurveDistance[] {
  const isTold = (index: number) => isJudged(index) && ttftObservation(captured.records[index]) !== undefined;
  return cohortNames.flatMap((cohort) => {
    const a = ttftSurvival({ trace: captured, sessions }, cohort, isTold);
    if (a.n === a.censored) return [];
    const b = ttftSurvival({ trace: modeled, sessions }, cohort, isTold);
    if (b.n === b.censored) return [];
    const upTo = Math.min(knownUpTo(a.curve), knownUpTo(b.curve));
    const options = Number.isFinite(upTo) ? { upTo } : {};
    return [
      {
        cohort,
        ks: ksDistance(a.curve, b.curve, options),
        wassersteinMs: wassersteinDistance(a.curve, b.curve, options),
      },
    ];
  });
}

/** A curve that ends above zero says nothing beyond its last time. */
function knownUpTo({ times, survival }: SurvivalCurve): Ms {
  const last = times.length - 1;
  return survival[last] > 0 ? times[last] : Number.POSITIVE_INFINITY;
}
