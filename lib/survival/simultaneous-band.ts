import { InputError, requireFinite } from "../base/index.js";
import { type Band, type BandTransform, limitsOf } from "./band.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import { normalQuantile } from "./normal.js";
import { findRoot } from "./numeric.js";
import { requireLevel } from "./pointwise-band.js";
import { bridgeStays, ornsteinUhlenbeckStays } from "./stay-probability.js";

/** Options of {@link simultaneousBand}. */
export interface SimultaneousBandOptions {
  /** Confidence that the whole curve lies inside, over the range; default 0.95. */
  readonly level?: number;
  /**
   * "equal-precision" (default) is a pointwise band widened by one factor, tighter in the tails; "hall-wellner" is
   * tighter in the middle.
   */
  readonly kind?: "hall-wellner" | "equal-precision";
  /**
   * Scale on which the limits are symmetric. Default: the one that holds its level over all events from n = 30 on,
   * "arcsine" for equal precision, "log-log" for Hall-Wellner. On "log-log" equal precision holds about 90 % for 95 %
   * unless the range leaves out the first events; test/reference/survival/coverage.md has the table.
   */
  readonly transform?: BandTransform;
  /** First time of the range; default the first event. A later start makes an equal-precision band tighter. */
  readonly from?: number;
  /** Last time of the range; default the last event before the curve reaches 0. */
  readonly to?: number;
}

/** A band that holds over a range as a whole. */
export interface SimultaneousBand extends Band {
  /** First and last row inside the range; outside it the limits are 0 and 1, which is to say nothing. */
  readonly rows: readonly [number, number];
  /** The critical value: of |B| for Hall-Wellner, of |B| / sd for equal precision. */
  readonly critical: number;
}

/**
 * A band that holds the whole true curve at once, over a range of times, with the given confidence.
 *
 * Hall and Wellner (1980): S -+ S c (1 + n v) / sqrt(n), with v = variance / S^2; equal precision, Nair (1984):
 * S -+ S c sqrt(v); both also on the other scales (Borgan and Liestol 1990; Klein and Moeschberger 2003, section 4.4).
 * The critical value depends on the range through a = n v / (1 + n v) at its ends and is computed to about 1e-10 from
 * the distribution of the limit process, not looked up: see `bridgeStays` and `ornsteinUhlenbeckStays`.
 * @returns undefined when no event lies in the range before the curve reaches 0
 * @throws InputError when level is outside (0, 1), kind is unknown, or from is above to
 * @example
 * ```ts
 * import { kaplanMeier, simultaneousBand } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: [30, 36, 41, 48, 52, 66, 87, 95, 103, 240] });
 * const band = simultaneousBand(curve);
 * band?.critical; // → 3.052
 * band?.lower[4]; // → 0.08894
 * ```
 */
export function simultaneousBand(
  curve: SurvivalCurve,
  options: SimultaneousBandOptions = {},
): SimultaneousBand | undefined {
  const { kind = "equal-precision" } = options;
  const { transform = kind === "equal-precision" ? "arcsine" : "log-log" } = options;
  if (kind !== "hall-wellner" && kind !== "equal-precision")
    throw new InputError(
      `simultaneousBand: kind must be hall-wellner or equal-precision, got ${String(kind)}`,
    );
  const level = requireLevel("simultaneousBand", options.level);
  const rows = rangeOf(curve, options.from, options.to);
  if (rows === undefined) return undefined;
  const { survival, variance, n } = curve;
  const relative = (k: number): number => variance[k] / (survival[k] * survival[k]);
  const share = (k: number): number => (n * relative(k)) / (1 + n * relative(k));
  const critical = criticalValue(kind, level, share(rows[0]), share(rows[1]));
  const width =
    kind === "hall-wellner"
      ? (k: number): number => (critical * (1 + n * relative(k))) / Math.sqrt(n)
      : (k: number): number => critical * Math.sqrt(relative(k));
  const { lower, upper } = limitsOf(survival, level, transform, width);
  for (let k = 0; k < survival.length; k++) {
    if (k >= rows[0] && k <= rows[1]) continue;
    lower[k] = 0;
    upper[k] = 1;
  }
  return { lower, upper, level, rows, critical };
}

/**
 * The c that the limit process exceeds, in absolute value, somewhere between a = from and a = to with probability
 * 1 - level: a Brownian bridge for Hall-Wellner, the bridge over its standard deviation for equal precision.
 * @param from where the range begins on the bridge's clock, above 0
 * @param to where it ends, below 1
 * @example
 * ```ts
 * import { criticalValue } from "prefixlab/survival";
 * criticalValue("hall-wellner", 0.95, 0.01, 0.99); // → 1.358
 * criticalValue("equal-precision", 0.95, 0.1, 0.9); // → 3.052
 * ```
 */
export function criticalValue(
  kind: "hall-wellner" | "equal-precision",
  level: number,
  from: number,
  to: number,
): number {
  if (kind === "hall-wellner") return findRoot(0.01, 5, (c) => bridgeStays(c, from, to) - level);
  const length = Math.log((to * (1 - from)) / (from * (1 - to))) / 2;
  // One time alone has the normal quantile; many independent ones would need a little more.
  const least = normalQuantile((1 + level) / 2);
  return findRoot(least, least + 4, (c) => ornsteinUhlenbeckStays(c, length) - level);
}

function rangeOf(curve: SurvivalCurve, from = 0, to = Number.MAX_VALUE): [number, number] | undefined {
  requireFinite("simultaneousBand", "from", from, 0);
  requireFinite("simultaneousBand", "to", to, from);
  const usable = (k: number): boolean =>
    curve.variance[k] > 0 && curve.times[k] >= from && curve.times[k] <= to;
  let first = 0;
  let last = curve.times.length - 1;
  while (first <= last && !usable(first)) first++;
  while (last >= first && !(usable(last) && curve.events[last] > 0)) last--;
  return first <= last ? [first, last] : undefined;
}
