import { quantileOf, type SurvivalCurve } from "../survival/index.js";

/**
 * A quantile of TTFT from a sketch's curve, by the definition that tables of whole traces use: type 7 of Hyndman and Fan where
 * every wait ended, else that of the Kaplan-Meier curve. Within the sketch's relative accuracy of theirs.
 * @param p share, 0.5 for the median
 * @returns undefined where the curve does not fall that far, or has no row
 * @example
 * ```ts
 * import { sketchedQuantile } from "prefixlab/scale";
 * import { kaplanMeier } from "prefixlab/survival";
 * const waits = kaplanMeier({ times: [30, 36, 48, 87], observed: [true, true, true, true] });
 * sketchedQuantile(waits, 0.9); // → 75.3
 * ```
 */
export function sketchedQuantile(curve: SurvivalCurve, p: number): number | undefined {
  const { n, times, atRisk, events, censored } = curve;
  if (n === 0 || censored.some((count) => count > 0)) return quantileOf(curve, p);
  const valueAt = (rank: number) => times[events.findIndex((count, row) => n - atRisk[row] + count > rank)];
  const position = (n - 1) * p;
  const below = Math.floor(position);
  const low = valueAt(below);
  return below + 1 >= n ? low : low + (position - below) * (valueAt(below + 1) - low);
}
