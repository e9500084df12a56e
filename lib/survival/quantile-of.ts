import { requireFinite } from "../base/index.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import { type PointwiseBandOptions, pointwiseBand } from "./pointwise-band.js";

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
  const { survival, times } = curve;
  let low = 0;
  let high = survival.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (survival[middle] <= goal) high = middle;
    else low = middle + 1;
  }
  return times[low];
}

/**
 * {@link quantileOf} with the interval of Brookmeyer and Crowley (1982): all times at which the pointwise band holds
 * 1 - p. Its lower end is where the lower limit first falls to 1 - p, its upper end where the upper limit stays there.
 * (A limit that rises again, as small early risk sets under left truncation can make it, is thus read the wide way.)
 *
 * The transform decides the band (their paper: plain; the default here is "log-log"). R: `quantile(survfit(...))`
 * with the same `conf.type`, but for the middles of flat stretches, see {@link quantileOf}.
 * @throws InputError when p is outside [0, 1] or level outside (0, 1)
 * @example
 * ```ts
 * import { kaplanMeier, quantileInterval } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 41, 48, 52, 66, 87, 95, 103, 240] });
 * quantileInterval(curve, 0.5); // → { estimate: 52, lower: 30, upper: 95 }
 * ```
 */
export function quantileInterval(
  curve: SurvivalCurve,
  p: number,
  options: PointwiseBandOptions = {},
): QuantileInterval {
  const estimate = quantileOf(curve, p);
  const { lower, upper } = pointwiseBand(curve, options);
  const goal = reachable(1 - p);
  const first = lower.findIndex((limit) => limit <= goal);
  const last = upper.findLastIndex((limit) => limit > goal);
  // An index beyond the rows reads as undefined: not reached.
  return { estimate, lower: curve.times[first], upper: curve.times[last + 1] };
}

/** A product of many shares can miss a round number by its rounding; 1e-10 is far below the step of any curve. */
function reachable(goal: number): number {
  return goal * (1 + 1e-10) + 4e-16;
}
