/**
 * Survival statistics: how long until an event, when some events were never seen.
 *
 * Read `observations.ts` first (what goes in), then `kaplan-meier.ts` (the curve), then `pointwise-band.ts` and
 * `quantile-interval.ts` (how sure it is), then `cluster-robust-curve.ts` and `quantile-contrast.ts` (how sure it is when
 * rows depend on each other).
 * Importable on its own as `prefixlab/survival`; knows nothing of traces.
 *
 * Units: times are in whatever unit the caller uses, and every time that comes back is in the same unit. Survival
 * probabilities are shares from 0 to 1. A quantity that does not exist (a median that is never reached) is undefined.
 */
export type { Band, BandTransform } from "./band.js";
export { type BootstrapOptions, clusterBootstrap, clusterBootstrapAll } from "./cluster-bootstrap.js";
export type { ClusterInfluence } from "./cluster-influence.js";
export type { ClusterLabels } from "./cluster-labels.js";
export { type ClusteredCurve, clusterRobustCurve } from "./cluster-robust-curve.js";
export type { Contrast, ContrastOptions, Sample } from "./clustered-pair.js";
export { conditionalCurve } from "./conditional-curve.js";
export { type DecimatedCurve, type DecimateOptions, decimateCurve } from "./decimate-curve.js";
export {
  type DistanceOptions,
  ksDistance,
  logAreaDistance,
  type QqPoint,
  qqData,
  wassersteinDistance,
} from "./distances.js";
export { fitLognormal, fitWeibull, type TailFit } from "./fit-tail.js";
export { type GoodnessOfFit, goodnessOfFit } from "./goodness-of-fit.js";
export { kaplanMeier, type SurvivalCurve } from "./kaplan-meier.js";
export {
  type LogRankOptions,
  type LogRankTest,
  logRankTest,
  stratifiedLogRankTest,
  type TestWeighting,
} from "./log-rank-test.js";
export { type CumulativeHazard, type HazardBandOptions, hazardBand, nelsonAalen } from "./nelson-aalen.js";
export type { Observations } from "./observations.js";
export type { BootstrapInterval } from "./percentile-interval.js";
export { type PointwiseBandOptions, pointwiseBand } from "./pointwise-band.js";
export { quantileDifference, quantileRatio } from "./quantile-contrast.js";
export { quantileInterval } from "./quantile-interval.js";
export { type QuantileInterval, quantileOf } from "./quantile-of.js";
export { type RestrictedMean, restrictedMean } from "./restricted-mean.js";
export { restrictedMeanDifference } from "./restricted-mean-difference.js";
export type { RiskTable } from "./risk-table.js";
export {
  criticalValue,
  type SimultaneousBand,
  type SimultaneousBandOptions,
  simultaneousBand,
} from "./simultaneous-band.js";
export { survivalAt } from "./survival-at.js";
export {
  restoreSketch,
  type SketchCounts,
  type SketchState,
  type SurvivalSketch,
  survivalSketch,
} from "./survival-sketch.js";
