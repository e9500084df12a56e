import { requireFinite } from "../base/index.js";
import { type Band, type BandTransform, limitsOf } from "./band.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import { normalQuantile } from "./normal.js";

/** Options of {@link pointwiseBand}. */
export interface PointwiseBandOptions {
  /** Confidence at each single time; default 0.95. */
  readonly level?: number;
  /**
   * Scale on which the limits are symmetric; default "log-log", which holds its level at small n and near 0 and 1,
   * and never leaves [0, 1]. R's default is "log".
   */
  readonly transform?: BandTransform;
}

/**
 * Confidence limits for the survival probability at each single time. They say nothing about the curve as a whole:
 * over many times at once, some limit misses; for that use `simultaneousBand`.
 *
 * Definitions: with se = sqrt(variance) / S and z the normal quantile, plain S (1 -+ z se); log S exp(-+ z se);
 * log-log S^exp(-+ z se / log S); arcsine sin^2(asin(sqrt S) -+ z se sqrt(S / (1 - S)) / 2). Borgan and Liestol
 * (1990); R: `survfit(conf.type = "plain" | "log" | "log-log" | "arcsin")`. At the ends: see `limitsOf`.
 * @returns limits aligned with the curve's rows
 * @throws InputError when level is not in (0, 1)
 * @example
 * ```ts
 * import { kaplanMeier, pointwiseBand } from "prefixlab/survival";
 * const { lower, upper } = pointwiseBand(kaplanMeier({ times: [30, 36, 48, 87, 103] }));
 * lower; // → [0.2038, 0.1257, 0.05198, 0.008369, 0]
 * upper; // → [0.9692, 0.8818, 0.7528, 0.5819, 0.5819]
 * ```
 */
export function pointwiseBand(curve: SurvivalCurve, options: PointwiseBandOptions = {}): Band {
  const { transform = "log-log" } = options;
  const level = requireLevel("pointwiseBand", options.level);
  const z = normalQuantile((1 + level) / 2);
  const { survival, variance } = curve;
  return limitsOf(survival, level, transform, (k) => (z * Math.sqrt(variance[k])) / survival[k]);
}

/** @throws InputError when level is not strictly between 0 and 1 */
export function requireLevel(where: string, level = 0.95): number {
  return requireFinite(where, "level", level, Number.EPSILON, 1 - Number.EPSILON);
}
