import { requireFinite } from "../base/index.js";
import { kaplanMeierOf, type SurvivalCurve } from "./kaplan-meier.js";
import { rowAt } from "./survival-at.js";

/**
 * The curve of those who are still without the event at a given time: P(T > t | T > given) = S(t) / S(given), for
 * questions such as "the request has waited this long: how much longer?". Times stay measured from zero. It is the
 * product-limit estimate on the risk sets after `given`, so its variance is Greenwood's over those rows, and every
 * band, quantile and mean of this room applies.
 * @returns undefined when the curve has reached 0 at `given`: no one is left to ask about
 * @throws InputError when `given` is not a finite number >= 0
 * @example
 * ```ts
 * import { conditionalCurve, kaplanMeier, quantileOf } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 48, 87, 103, 240] });
 * // Half of those that have waited 40 ms have their first token by:
 * const waited = conditionalCurve(curve, 40);
 * waited && quantileOf(waited, 0.5); // → 87
 * ```
 */
export function conditionalCurve(curve: SurvivalCurve, given: number): SurvivalCurve | undefined {
  requireFinite("conditionalCurve", "given", given, 0);
  const row = rowAt(curve.times, given);
  if (row < 0) return curve;
  if (curve.survival[row] === 0) return undefined;
  return kaplanMeierOf({
    times: curve.times.slice(row + 1),
    atRisk: curve.atRisk.slice(row + 1),
    events: curve.events.slice(row + 1),
    censored: curve.censored.slice(row + 1),
    n: curve.atRisk[row] - curve.events[row] - curve.censored[row],
  });
}
