import { requireFinite } from "../base/index.js";
import { firstRow, reachable } from "./first-row.js";
import type { SurvivalCurve } from "./kaplan-meier.js";

/** A quantile with its confidence limits; each is undefined where the curve, or its limit, never gets that far. */
export interface QuantileInterval {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

/**
 * The time by which a share p of subjects has had its event: the smallest time with S(t) <= 1 - p.
 *
 * This is the definition of lifelines. R's `quantile.survfit` differs only where S equals 1 - p over an interval: it
 * answers the middle of the interval.
 * @param p share, 0.5 for the median, 0.99 for p99
 * @returns undefined when the curve never falls that far: more than 1 - p are still without the event
 * @throws InputError when p is outside [0, 1]
 * @example
 * ```ts
 * import { kaplanMeier, quantileOf } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 48, 900], observed: [true, true, true, false] });
 * quantileOf(curve, 0.5); // → 36
 * quantileOf(curve, 0.99); // → undefined
 * ```
 */
export function quantileOf(curve: SurvivalCurve, p: number): number | undefined {
  requireFinite("quantileOf", "p", p, 0, 1);
  const goal = reachable(1 - p);
  return curve.times[firstRow(curve.survival, (s) => s <= goal)];
}
