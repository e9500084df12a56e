import { requireFinite } from "../base/index.js";
import type { SurvivalCurve } from "./kaplan-meier.js";

/**
 * The last row of a step function whose time is <= t, by bisection.
 * @returns -1 when t is before the first row
 */
export function rowAt(times: Float64Array, t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * P(T > t) read off a curve. After the last time the curve keeps its last value, which is the convention of R's
 * `summary(survfit, extend = TRUE)`: if the last subject was censored, nothing is known there.
 * @throws InputError when t is not a finite number
 * @example
 * ```ts
 * import { kaplanMeier, survivalAt } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 48, 87] });
 * survivalAt(curve, 50); // → 0.25
 * ```
 */
export function survivalAt(curve: SurvivalCurve, t: number): number {
  requireFinite("survivalAt", "t", t);
  const row = rowAt(curve.times, t);
  return row < 0 ? 1 : curve.survival[row];
}
