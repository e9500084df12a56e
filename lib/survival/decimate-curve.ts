import { requireInteger } from "../base/index.js";
import type { Band } from "./band.js";
import type { SurvivalCurve } from "./kaplan-meier.js";

/** Options of {@link decimateCurve}. */
export interface DecimateOptions {
  /** Smallest visible distances along each axis; default 2000, finer than the pixels of a chart. */
  readonly resolution?: number;
  /** Scale of the time axis; default "log". Times of 0 count as the smallest positive time on a log axis. */
  readonly timeScale?: "linear" | "log";
  /** Scale of the survival axis; default "log". A survival of 0 is always kept. */
  readonly survivalScale?: "linear" | "log";
  /** A band to be drawn with the curve: rows are kept where it moves, too. */
  readonly band?: Band;
}

/** The rows of a curve that are enough to draw it. */
export interface DecimatedCurve {
  /** Indices of the kept rows, ascending, for reading any other column of the curve. */
  readonly rows: Int32Array;
  readonly times: Float64Array;
  readonly survival: Float64Array;
  /** Present when a band was given. */
  readonly lower?: Float64Array;
  readonly upper?: Float64Array;
}

/**
 * Fewer rows, same picture: drops the rows that a step line on the given axes cannot show. Every dropped row lies
 * within 1/resolution of the axis, in time or in survival, of the step line through the kept ones; the first and last
 * rows and every drop that can be seen stay. A million rows become at most about 2 x resolution, a band adds to that.
 * @throws InputError when resolution is not a positive integer
 * @example
 * ```ts
 * import { decimateCurve, kaplanMeier, pointwiseBand } from "prefixlab/survival";
 * const curve = kaplanMeier({ times: Array.from({ length: 100_000 }, (_, at) => 20 + at / 1000) });
 * const drawn = decimateCurve(curve, { resolution: 200, band: pointwiseBand(curve) });
 * drawn.rows.length; // → 48
 * ```
 */
export function decimateCurve(curve: SurvivalCurve, options: DecimateOptions = {}): DecimatedCurve {
  const { timeScale = "log", survivalScale = "log", band } = options;
  const resolution = requireInteger("decimateCurve", "resolution", options.resolution ?? 2000, 1);
  const { times, survival } = curve;
  const lines = band === undefined ? [survival] : [survival, band.lower, band.upper];
  const floor = survivalScale === "log" ? smallestPositive(survival) : 0;
  const place = (value: number): number =>
    survivalScale === "log" ? Math.log(Math.max(value, floor / 2)) : value;
  const x = timePositions(times, timeScale);
  const xStep = extent(x) / resolution;
  const yStep = (place(1) - place(0)) / resolution;

  const kept: number[] = [];
  const drawn = lines.map(() => 1);
  let lastX = Number.NEGATIVE_INFINITY;
  const moved = (k: number): boolean =>
    lines.some((line, i) => Math.abs(place(line[k]) - place(drawn[i])) >= yStep);
  const keep = (k: number): void => {
    kept.push(k);
    lastX = x[k];
    lines.forEach((line, i) => {
      drawn[i] = line[k];
    });
  };
  // `pending` is a visible move too near the last kept row to be told apart from what follows it.
  let pending = -1;
  for (let k = 0; k < times.length; k++) {
    if (pending >= 0 && x[k] - lastX >= xStep) {
      keep(pending);
      pending = -1;
    }
    if (k === 0 || k === times.length - 1) keep(k);
    else if (moved(k)) {
      if (x[k] - lastX >= xStep) keep(k);
      else pending = k;
    }
  }
  const rows = Int32Array.from(kept);
  const pick = (column: Float64Array): Float64Array => Float64Array.from(rows, (k) => column[k]);
  const thin = { rows, times: pick(times), survival: pick(survival) };
  return band === undefined ? thin : { ...thin, lower: pick(band.lower), upper: pick(band.upper) };
}

function timePositions(times: Float64Array, scale: "linear" | "log"): Float64Array {
  if (scale === "linear") return times;
  const floor = times.find((time) => time > 0) ?? 1;
  return times.map((time) => Math.log(Math.max(time, floor)));
}

function extent(ascending: Float64Array): number {
  const n = ascending.length;
  return n === 0 ? 0 : ascending[n - 1] - ascending[0];
}

function smallestPositive(falling: Float64Array): number {
  return falling.findLast((value) => value > 0) ?? 1;
}
