import { InputError } from "../base/index.js";

/** Lower and upper limits, one of each a row of the curve that they belong to. */
export interface Band {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** Nominal confidence, such as 0.95. */
  readonly level: number;
}

/** The scale on which a limit is symmetric around the estimate. */
export type BandTransform = "plain" | "log" | "log-log" | "arcsine";

/**
 * Limits around a survival probability, symmetric on the scale of `transform`, cut to [0, 1].
 * @param survival S, in (0, 1)
 * @param width critical value times the standard error of log S
 * @returns [lower, upper]
 */
function limitsAround(survival: number, width: number, transform: BandTransform): [number, number] {
  switch (transform) {
    case "plain":
      return [Math.max(0, survival * (1 - width)), Math.min(1, survival * (1 + width))];
    case "log":
      return [survival * Math.exp(-width), Math.min(1, survival * Math.exp(width))];
    case "log-log": {
      const power = Math.exp(width / Math.log(survival));
      return [survival ** (1 / power), survival ** power];
    }
    case "arcsine": {
      const angle = Math.asin(Math.sqrt(survival));
      const half = (width / 2) * Math.sqrt(survival / (1 - survival));
      return [Math.sin(Math.max(0, angle - half)) ** 2, Math.sin(Math.min(Math.PI / 2, angle + half)) ** 2];
    }
    default:
      throw new InputError(
        `limitsAround: transform must be plain, log, log-log or arcsine, got ${String(transform)}`,
      );
  }
}

/**
 * Limits at every row of a curve.
 *
 * Two ends need a convention. Before the first event S = 1 with variance 0, and both limits are 1, as in R. Where the
 * curve has reached 0 its standard error is not defined (R gives NA): the lower limit is 0 and the upper limit keeps
 * its last value, which is the conservative choice.
 * @param widthAt half-width at a row on the log scale; asked only where 0 < S < 1
 */
export function limitsOf(
  survival: Float64Array,
  level: number,
  transform: BandTransform,
  widthAt: (row: number) => number,
): Band {
  const rows = survival.length;
  const lower = new Float64Array(rows);
  const upper = new Float64Array(rows);
  let lastUpper = 1;
  for (let k = 0; k < rows; k++) {
    const s = survival[k];
    if (s >= 1) {
      lower[k] = 1;
      upper[k] = 1;
    } else if (s <= 0) {
      upper[k] = lastUpper;
    } else {
      const [low, high] = limitsAround(s, widthAt(k), transform);
      lower[k] = low;
      upper[k] = high;
      lastUpper = high;
    }
  }
  return { lower, upper, level };
}
