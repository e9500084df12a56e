import { InputError } from "../base/index.js";
import type { ClusteredCurve } from "./cluster-robust-curve.js";
import { clusteredQuantileInterval } from "./clustered-quantile.js";
import { reachable } from "./first-row.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import { type PointwiseBandOptions, pointwiseBand, requireLevel } from "./pointwise-band.js";
import { type QuantileInterval, quantileOf } from "./quantile-of.js";

/**
 * {@link quantileOf} with its limits.
 *
 * Of a curve whose rows are independent: the interval of Brookmeyer and Crowley (1982), all times at which the pointwise
 * band holds 1 - p. Its lower end is where the lower limit first falls to 1 - p, its upper end where the upper limit stays
 * there. (A limit that rises again, as small early risk sets under left truncation can make it, is thus read the wide
 * way.) Where the curve has reached 0 it has no limits, so none of the quantile is found there. The transform decides the
 * band (their paper: plain; the default here is "log-log"). R: `quantile(survfit(...))` with the same `conf.type`, but for
 * the middles of flat stretches, see {@link quantileOf}.
 *
 * Of a `clusterRobustCurve`: see `clusteredQuantileInterval`.
 * @throws InputError when p is outside [0, 1] or level outside (0, 1), or a transform is given for a clustered curve
 * @example
 * ```ts
 * import { kaplanMeier, quantileInterval } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 41, 48, 52, 66, 87, 95, 103, 240] });
 * quantileInterval(curve, 0.5); // → { estimate: 52, lower: 30, upper: 95 }
 * ```
 */
export function quantileInterval(
  curve: SurvivalCurve | ClusteredCurve,
  p: number,
  options: PointwiseBandOptions = {},
): QuantileInterval {
  if ("clusters" in curve) {
    if (options.transform !== undefined)
      throw new InputError(
        `quantileInterval: the limits of a clustered curve are those of a binomial test and have no transform, got ${options.transform}`,
      );
    return clusteredQuantileInterval(curve, p, requireLevel("quantileInterval", options.level));
  }
  const estimate = quantileOf(curve, p);
  const { lower, upper } = pointwiseBand(curve, options);
  const goal = reachable(1 - p);
  const first = lower.findIndex((limit, k) => limit <= goal && curve.survival[k] > 0);
  const last = upper.findLastIndex((limit) => limit > goal);
  // An index beyond the rows reads as undefined: not reached.
  return { estimate, lower: curve.times[first], upper: curve.times[last + 1] };
}
