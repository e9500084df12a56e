import { InputError, requireInteger, stream } from "../base/index.js";
import { fitTail, type TailFit } from "./fit-tail.js";
import { kaplanMeier, type SurvivalCurve } from "./kaplan-meier.js";
import type { Observations } from "./observations.js";
import { quantileOf } from "./quantile-of.js";

/** How far a fitted distribution is from the data. */
export interface GoodnessOfFit {
  /** The largest vertical distance between the Kaplan-Meier curve and the fit, up to the last time. */
  readonly distance: number;
  /** Share of samples drawn from the fit, and fitted again, that are at least as far off. Small: the fit is wrong. */
  readonly pValue: number;
}

/**
 * Checks a fit against the curve it is meant to describe. Because the parameters come from the same data, the
 * distance has no standard table; its distribution is simulated (parametric bootstrap, Stute, Gonzalez Manteiga and
 * Presedo Quindimil 1993): event times from the fit, censoring times from the Kaplan-Meier curve of the censorings.
 * @returns undefined when the Kaplan-Meier curve has no rows
 * @throws InputError for weighted or truncated observations, or naming the index of a bad one
 * @example
 * ```ts
 * import { fitLognormal, goodnessOfFit } from "prefixlab/survival";
 * const ttftMs = { times: [30, 33, 36, 41, 48, 52, 61, 87, 95, 140] };
 * const fit = fitLognormal(ttftMs);
 * fit && goodnessOfFit(ttftMs, fit, { replicates: 200, seed: 1 }); // → { distance: 0.1478, pValue: 0.8507 }
 * ```
 */
export function goodnessOfFit(
  observations: Observations,
  fit: TailFit,
  options: { readonly replicates?: number; readonly seed?: number | string } = {},
): GoodnessOfFit | undefined {
  const where = "goodnessOfFit";
  const count = requireInteger(where, "replicates", options.replicates ?? 200, 1);
  const { times, observed, weights, entry } = observations;
  if (weights !== undefined || entry !== undefined)
    throw new InputError(`${where}: weighted or truncated observations are not supported`);
  const curve = kaplanMeier(observations);
  if (curve.times.length === 0) return undefined;
  const distance = distanceToFit(curve, fit);
  const censoring = kaplanMeier({
    times,
    observed: Array.from(times, (_, i) => observed !== undefined && !observed[i]),
  });
  const draw = stream(options.seed ?? 0, "goodness-of-fit");
  let farther = 0;
  for (let r = 0; r < count; r++) {
    const sample = simulate(times.length, fit, censoring, () => 1 - draw.uniform());
    const refit = fitTail(where, fit.family, sample);
    if (refit === undefined || distanceToFit(kaplanMeier(sample), refit) >= distance) farther++;
  }
  return { distance, pValue: (farther + 1) / (count + 1) };
}

function simulate(
  n: number,
  fit: TailFit,
  censoring: SurvivalCurve,
  uniform: () => number,
): { times: Float64Array; observed: Uint8Array } {
  const times = new Float64Array(n);
  const observed = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const event = fit.quantileOf(1 - uniform());
    const cut = quantileOf(censoring, 1 - uniform()) ?? Number.POSITIVE_INFINITY;
    times[i] = Math.max(Math.min(event, cut), Number.MIN_VALUE);
    observed[i] = event <= cut ? 1 : 0;
  }
  return { times, observed };
}

function distanceToFit({ times, survival }: SurvivalCurve, fit: TailFit): number {
  let largest = 0;
  let before = 1;
  times.forEach((time, k) => {
    const modeled = fit.survivalAt(time);
    largest = Math.max(largest, Math.abs(before - modeled), Math.abs(survival[k] - modeled));
    before = survival[k];
  });
  return largest;
}
