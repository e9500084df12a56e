import { requireFinite } from "../base/index.js";
import type { ClusteredCurve } from "./cluster-robust-curve.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import { normalQuantile } from "./normal.js";
import { requireLevel } from "./pointwise-band.js";

/** A restricted mean with its error, in the caller's unit of time. */
export interface RestrictedMean {
  /** Mean of min(T, horizon): the area under the curve up to the horizon. */
  readonly mean: number;
  readonly standardError: number;
  /** Normal limits, mean -+ z x standard error. */
  readonly lower: number;
  readonly upper: number;
  readonly horizon: number;
}

/**
 * The mean time, counted only up to a horizon: unlike the mean it does not depend on a tail that censoring hides.
 *
 * Definition: integral of S from 0 to the horizon; variance sum over event times t_k of A_k^2 d_k / (n_k (n_k - d_k))
 * with A_k the area under S from t_k to the horizon (Klein and Moeschberger 2003, section 4.5). R:
 * `print(survfit(...), rmean = horizon)`. Of a `clusterRobustCurve` the variance is the sum over clusters of the squared
 * derivative of the integral. lifelines' `return_variance` is another thing: the variance of min(T, horizon).
 * @returns undefined when the horizon is beyond the last time and the curve has not reached 0: nothing is known there
 * @throws InputError when horizon is negative or not finite, or level outside (0, 1)
 * @example
 * ```ts
 * import { kaplanMeier, restrictedMean } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 48, 900], observed: [true, true, true, false] });
 * restrictedMean(curve, 100)?.mean; // → 53.5
 * restrictedMean(curve, 1000); // → undefined
 * ```
 */
export function restrictedMean(
  curve: SurvivalCurve | ClusteredCurve,
  horizon: number,
  options: { readonly level?: number } = {},
): RestrictedMean | undefined {
  requireFinite("restrictedMean", "horizon", horizon, 0);
  const level = requireLevel("restrictedMean", options.level);
  const { times, survival, atRisk, events } = curve;
  if (!isKnownUpTo(curve, horizon)) return undefined;
  let rows = times.length;
  while (rows > 0 && times[rows - 1] > horizon) rows--;
  let area = 0;
  let variance = 0;
  let right = horizon;
  for (let k = rows - 1; k >= 0; k--) {
    area += survival[k] * (right - times[k]);
    right = times[k];
    const left = atRisk[k] - events[k];
    if (events[k] > 0 && left > 0) variance += (area * area * events[k]) / (atRisk[k] * left);
  }
  const mean = area + right;
  if ("clusters" in curve) variance = curve.clusters.areaUpTo(horizon).reduce((sum, u) => sum + u * u, 0);
  const standardError = Math.sqrt(variance);
  const width = normalQuantile((1 + level) / 2) * standardError;
  return { mean, standardError, lower: mean - width, upper: mean + width, horizon };
}

/** Whether the data say anything about every time up to `t`: it is observed, or the curve has reached 0 before. */
export function isKnownUpTo({ times, survival }: SurvivalCurve, t: number): boolean {
  const last = times.length - 1;
  return t === 0 || (last >= 0 && (t <= times[last] || survival[last] === 0));
}
