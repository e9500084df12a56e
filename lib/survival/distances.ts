import { InputError, requireFinite } from "../base/index.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import { quantileOf } from "./quantile-of.js";
import { isKnownUpTo } from "./restricted-mean.js";

/** Options of the distances between two curves. */
export interface DistanceOptions {
  /**
   * Compare only up to this time. Needed where a curve ends above 0 (its last subjects were censored): beyond its last
   * time it says nothing. Default: all times.
   */
  readonly upTo?: number;
}

/**
 * The largest vertical distance between two curves: Kolmogorov and Smirnov's two-sample statistic where nothing is
 * censored, a share from 0 to 1. SciPy: `ks_2samp`.
 * @throws InputError when a curve ends above 0 before `upTo`, or `upTo` is absent and a curve ends above 0
 * @example
 * ```ts
 * import { kaplanMeier, ksDistance } from "prefixlab/survival";
 * const captured = kaplanMeier({ times: [30, 36, 48, 87] });
 * const modeled = kaplanMeier({ times: [31, 40, 52, 85] });
 * ksDistance(captured, modeled); // → 0.25
 * ```
 */
export function ksDistance(a: SurvivalCurve, b: SurvivalCurve, options: DistanceOptions = {}): number {
  let largest = 0;
  forEachStep("ksDistance", a, b, options, (_, __, sa, sb) => {
    largest = Math.max(largest, Math.abs(sa - sb));
  });
  return largest;
}

/**
 * The area between two curves, in the caller's unit of time: Wasserstein's (earth mover's) distance of order 1 where
 * nothing is censored, the mean distance between equal quantiles. SciPy: `wasserstein_distance`. With `upTo`: of the
 * times cut to it.
 * @throws InputError as {@link ksDistance}
 * @example
 * ```ts
 * import { kaplanMeier, wassersteinDistance } from "prefixlab/survival";
 * const captured = kaplanMeier({ times: [30, 36, 48, 87] });
 * const modeled = kaplanMeier({ times: [31, 40, 52, 85] });
 * wassersteinDistance(captured, modeled); // → 2.75
 * ```
 */
export function wassersteinDistance(
  a: SurvivalCurve,
  b: SurvivalCurve,
  options: DistanceOptions = {},
): number {
  let area = 0;
  forEachStep("wassersteinDistance", a, b, options, (from, to, sa, sb) => {
    area += Math.abs(sa - sb) * (to - from);
  });
  return area;
}

/**
 * The area between two curves as they look on log-log axes: the integral of |ln S_a - ln S_b| over ln t. It weighs a
 * factor in the tail as much as a factor in the middle, and has no unit: curves a factor f apart in time over their
 * whole fall have an area of ln f times the fall's height in ln S. The integral runs from the smallest time > 0 at
 * which either curve falls to the first at which one reaches 0.
 * @throws InputError as {@link ksDistance}
 * @example
 * ```ts
 * import { kaplanMeier, logAreaDistance } from "prefixlab/survival";
 * const captured = kaplanMeier({ times: [30, 36, 48, 87] });
 * const modeled = kaplanMeier({ times: [60, 72, 96, 174] });
 * logAreaDistance(captured, modeled); // → 0.8927
 * ```
 */
export function logAreaDistance(a: SurvivalCurve, b: SurvivalCurve, options: DistanceOptions = {}): number {
  let area = 0;
  forEachStep("logAreaDistance", a, b, options, (from, to, sa, sb) => {
    if (sa > 0 && sb > 0 && from > 0 && sa !== sb)
      area += Math.abs(Math.log(sa) - Math.log(sb)) * Math.log(to / from);
  });
  return area;
}

/** Equal quantiles of two curves: on the diagonal of a plot where the curves agree. */
export interface QqPoint {
  readonly p: number;
  readonly a: number;
  readonly b: number;
}

/**
 * Points of a quantile-quantile plot. A share that either curve does not reach has no point.
 * @param probabilities default 0.01, 0.02, ... 0.99
 * @throws InputError when a probability is outside [0, 1]
 * @example
 * ```ts
 * import { kaplanMeier, qqData } from "prefixlab/survival";
 * const captured = kaplanMeier({ times: [30, 36, 48, 87] });
 * const modeled = kaplanMeier({ times: [31, 40, 52, 85] });
 * qqData(captured, modeled, [0.5, 0.9]); // → [{ p: 0.5, a: 36, b: 40 }, { p: 0.9, a: 87, b: 85 }]
 * ```
 */
export function qqData(a: SurvivalCurve, b: SurvivalCurve, probabilities?: ArrayLike<number>): QqPoint[] {
  const shares = probabilities ?? Float64Array.from({ length: 99 }, (_, i) => (i + 1) / 100);
  return Array.from(shares).flatMap((p) => {
    const [qa, qb] = [quantileOf(a, p), quantileOf(b, p)];
    return qa === undefined || qb === undefined ? [] : [{ p, a: qa, b: qb }];
  });
}

/** Calls back for every stretch on which both curves are constant, from time 0 to the end of the comparison. */
function forEachStep(
  where: string,
  a: SurvivalCurve,
  b: SurvivalCurve,
  { upTo }: DistanceOptions,
  visit: (from: number, to: number, sa: number, sb: number) => void,
): void {
  const end = endOf(where, a, b, upTo);
  let [i, j, time] = [0, 0, 0];
  let [sa, sb] = [1, 1];
  while (time <= end) {
    while (i < a.times.length && a.times[i] <= time) sa = a.survival[i++];
    while (j < b.times.length && b.times[j] <= time) sb = b.survival[j++];
    const next = Math.min(a.times[i] ?? Number.POSITIVE_INFINITY, b.times[j] ?? Number.POSITIVE_INFINITY);
    visit(time, Math.min(next, end), sa, sb);
    time = next;
  }
}

function endOf(where: string, a: SurvivalCurve, b: SurvivalCurve, upTo: number | undefined): number {
  if (upTo !== undefined) requireFinite(where, "upTo", upTo, 0);
  const lastOf = ({ times }: SurvivalCurve): number => times[times.length - 1] ?? 0;
  const end = upTo ?? Math.max(lastOf(a), lastOf(b));
  for (const [name, curve] of [
    ["first", a],
    ["second", b],
  ] as const) {
    const complete = curve.survival[curve.survival.length - 1] === 0;
    if (upTo === undefined ? !complete : !isKnownUpTo(curve, upTo))
      throw new InputError(
        `${where}: the ${name} curve ends above 0 at its last time ${lastOf(curve)}, so nothing is known beyond it; ` +
          `give upTo within it`,
      );
  }
  return end;
}
