import { InputError } from "../base/index.js";
import type { Band } from "./band.js";
import { normalQuantile } from "./normal.js";
import type { Observations } from "./observations.js";
import { requireLevel } from "./pointwise-band.js";
import { type RiskTable, riskTable } from "./risk-table.js";

/** A cumulative hazard: a rising step function, 0 before the first time, with rows as a `SurvivalCurve` has. */
export interface CumulativeHazard extends RiskTable {
  /** H(t), dimensionless: the events expected by t for one subject kept under observation. */
  readonly hazard: Float64Array;
  /** Estimated variance of `hazard`. */
  readonly variance: Float64Array;
}

/**
 * The cumulative hazard H(t) = sum over t_k <= t of d_k / n_k, with variance sum d_k / n_k^2: Nelson (1972), Aalen
 * (1978). R: `survfit(..., stype = 2)$cumhaz` and `std.chaz`. lifelines' default spreads tied events, 1/n + 1/(n - 1)
 * + ...; its `nelson_aalen_smoothing=False` is this definition.
 * @throws InputError naming the index of a time, flag, entry or weight that cannot be used
 * @example
 * ```ts
 * import { nelsonAalen } from "prefixlab/survival";
 * nelsonAalen({ times: [30, 48, 90], observed: [true, true, false] }).hazard; // → [0.3333, 0.8333, 0.8333]
 * ```
 */
export function nelsonAalen(observations: Observations): CumulativeHazard {
  const table = riskTable("nelsonAalen", observations);
  const rows = table.times.length;
  const hazard = new Float64Array(rows);
  const variance = new Float64Array(rows);
  let sum = 0;
  let spread = 0;
  for (let k = 0; k < rows; k++) {
    const d = table.events[k];
    const n = table.atRisk[k];
    if (d > 0) {
      sum += d / n;
      spread += d / (n * n);
    }
    hazard[k] = sum;
    variance[k] = spread;
  }
  return { ...table, hazard, variance };
}

/** Options of {@link hazardBand}. */
export interface HazardBandOptions {
  /** Confidence at each single time; default 0.95. */
  readonly level?: number;
  /** "log" (default): H exp(-+ z se / H), never below 0. "plain": H -+ z se, cut at 0. */
  readonly transform?: "plain" | "log";
}

/**
 * Pointwise limits for a cumulative hazard (Klein and Moeschberger 2003, section 4.3). Before the first event both
 * limits are 0.
 * @throws InputError when level is not in (0, 1)
 * @example
 * ```ts
 * import { hazardBand, nelsonAalen } from "prefixlab/survival";
 * const hazard = nelsonAalen({ times: [30, 48, 90, 103] });
 * hazardBand(hazard, { level: 0.9 }).upper; // → [1.295, 1.889, 2.91, 5.344]
 * ```
 */
export function hazardBand(curve: CumulativeHazard, options: HazardBandOptions = {}): Band {
  const { transform = "log" } = options;
  if (transform !== "log" && transform !== "plain")
    throw new InputError(`hazardBand: transform must be plain or log, got ${String(transform)}`);
  const level = requireLevel("hazardBand", options.level);
  const z = normalQuantile((1 + level) / 2);
  const lower = new Float64Array(curve.hazard.length);
  const upper = new Float64Array(curve.hazard.length);
  curve.hazard.forEach((h, k) => {
    const width = z * Math.sqrt(curve.variance[k]);
    if (h === 0) return;
    lower[k] = transform === "log" ? h * Math.exp(-width / h) : Math.max(0, h - width);
    upper[k] = transform === "log" ? h * Math.exp(width / h) : h + width;
  });
  return { lower, upper, level };
}
