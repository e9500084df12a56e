/**
 * Fits: latency models from captures.
 *
 * Read `fit-latency.ts` first, what a fit is made of: `reconstruct-steps.ts` recovers the engine's steps from a
 * recording (a fleet's has been split by `per-engine.ts`), `observations.ts` collects measured durations with the work behind them, `fit-physical.ts` prices that
 * work, `fit-empirical.ts` keeps donors of it. Times are milliseconds.
 */
export {
  type FitOptions,
  fitLatency,
  type LatencyFit,
  type LatencyKind,
  wayInTakenAsZero,
} from "./fit-latency.js";
export type { FitReport, FittedCoefficient, ResidualSummary } from "./fit-report.js";
export { type IsFitted, type PerEngine, perEngine } from "./per-engine.js";
export { lonePrefillSteps, uncachedPromptTokens } from "./prefill-chunks.js";
export type { PrefillStep } from "./prefill-steps.js";
export {
  type ObservedStep,
  type ReconstructOptions,
  reconstructSteps,
  type StepReconstruction,
} from "./reconstruct-steps.js";
export { shapeOfTraces } from "./shape-of-traces.js";
