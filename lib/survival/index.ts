/**
 * Survival statistics: how long until an event, when some events were never seen.
 *
 * Read `observations.ts` first (what goes in), then `kaplan-meier.ts` (the curve), then `pointwise-band.ts` and
 * `quantile-of.ts` (how sure it is). Importable on its own as `prefixlab/survival`; knows nothing of traces.
 *
 * Units: times are in whatever unit the caller uses, and every time that comes back is in the same unit. Survival
 * probabilities are shares from 0 to 1. A quantity that does not exist (a median that is never reached) is undefined.
 */
export type { Band, BandTransform } from "./band.js";
export { type DecimatedCurve, type DecimateOptions, decimateCurve } from "./decimate-curve.js";
export { kaplanMeier, type SurvivalCurve } from "./kaplan-meier.js";
export type { Observations } from "./observations.js";
export { type PointwiseBandOptions, pointwiseBand } from "./pointwise-band.js";
export { type QuantileInterval, quantileInterval, quantileOf } from "./quantile-of.js";
export type { RiskTable } from "./risk-table.js";
export { survivalAt } from "./survival-at.js";
