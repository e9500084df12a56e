import type { ClusteredCurve } from "./cluster-robust-curve.js";
import {
  type Contrast,
  type ContrastOptions,
  contrastOf,
  curvesOf,
  pairClusters,
  type Sample,
} from "./clustered-pair.js";
import { requireLevel } from "./pointwise-band.js";
import { restrictedMean } from "./restricted-mean.js";
import { studentQuantile } from "./student.js";

/**
 * By how much the restricted mean of one sample is above that of another: how much longer, on average, up to the
 * horizon. Limits are those of Student's t with clusters - 1 degrees of freedom, from the infinitesimal jackknife of the
 * difference: each cluster adds the difference of what it adds to the two areas (Royston and Parmar 2013 for independent
 * rows; Efron 1982 for the jackknife). Without clusters every row is one.
 * @returns all parts undefined where the horizon is beyond what a sample shows; the limits with a single cluster
 * @throws InputError when horizon is negative, level outside (0, 1), only one sample has clusters, or naming the index of
 * a bad observation
 * @example
 * ```ts
 * import { restrictedMeanDifference } from "prefixlab/survival";
 * const modeled = { times: [33, 35, 55, 52], clusters: ["a", "a", "b", "b"] };
 * const captured = { times: [30, 36, 48, 57], clusters: ["a", "a", "b", "b"] };
 * const { estimate } = restrictedMeanDifference(modeled, captured, 100, { paired: true });
 * estimate; // → 1
 * ```
 */
export function restrictedMeanDifference(
  a: Sample | ClusteredCurve,
  b: Sample | ClusteredCurve,
  horizon: number,
  options: ContrastOptions = {},
): Contrast {
  const where = "restrictedMeanDifference";
  const level = requireLevel(where, options.level);
  const curves = curvesOf(where, a, b);
  const [ma, mb] = curves.map((curve) => restrictedMean(curve, horizon));
  if (!ma || !mb) return { estimate: undefined, lower: undefined, upper: undefined };
  const estimate = ma.mean - mb.mean;
  if (curves.some(({ clusters }) => clusters.labels.length < 2))
    return { estimate, lower: undefined, upper: undefined };
  const [ua, ub] = curves.map(({ clusters }) => clusters.areaUpTo(horizon));
  const pairing = pairClusters(curves, options.paired);
  const { count } = pairing;
  const squares = contrastOf(ua, ub, pairing).reduce((sum, u) => sum + u * u, 0);
  const width = studentQuantile((1 - level) / 2, count - 1) * Math.sqrt((squares * count) / (count - 1));
  return { estimate, lower: estimate - width, upper: estimate + width };
}
