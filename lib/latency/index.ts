/**
 * Latency models: how long an engine step takes, fitted on captures.
 *
 * Read `latency-model.ts` first: the interface between fits and the engine. Times are milliseconds.
 */
export type { FitRange, LatencyModel, StepLoad, StepTimer } from "./latency-model.js";
