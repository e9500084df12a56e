/**
 * Latency models: how long an engine step takes, fitted on captures.
 *
 * Read `latency-model.ts` first: the interface between fits and the engine. Then `fit-latency.ts`, what a fit is
 * made of: `reconstruct-steps.ts` recovers the engine's steps from a recording, `observations.ts` collects measured
 * durations with the work behind them, `fit-physical.ts` prices that work. Times are milliseconds.
 */

export type { DonorBin } from "./donor-bins.js";
export {
  type ChunkCost,
  type EmpiricalModelParts,
  empiricalModel,
  type LonePrefillPrices,
} from "./empirical-model.js";
export { type FitOptions, fitLatency, type LatencyFit, type LatencyKind } from "./fit-latency.js";
export { isExtrapolated, type RangedRequest } from "./fit-range.js";
export type { FitReport, FittedCoefficient, ResidualSummary } from "./fit-report.js";
export {
  emptyStepLoad,
  type FitRange,
  type LatencyModel,
  type StepLoad,
  type StepTimer,
} from "./latency-model.js";
export { latencyModelFromJson } from "./latency-model-json.js";
export { type PhysicalModelParts, physicalModel } from "./physical-model.js";
export type { PrefillStep } from "./prefill-steps.js";
export { latencyProfile, profileNames } from "./profiles/latency-profile.js";
export {
  type ObservedStep,
  type ReconstructOptions,
  reconstructSteps,
  type StepReconstruction,
} from "./reconstruct-steps.js";
export { type OverheadCoefficients, priceStep, type StepCoefficients } from "./step-coefficients.js";
