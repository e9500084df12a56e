/**
 * The simulated engine: a block pool with a prefix cache, a scheduler with vLLM V1's semantics, and an event loop
 * in virtual time. It knows nothing of traces, sessions, warm or cold.
 *
 * Read `engine-request.ts` (what goes in) and `engine-options.ts` (its settings) first, then `engine-core.ts` (one
 * step; `slot-engine.ts` is llama.cpp's variant of it), then `simulate.ts` (the loop around it). Times are milliseconds, sizes are tokens or blocks.
 */
export { createEngine } from "./create-engine.js";
export { EngineCore } from "./engine-core.js";
export { type EngineOptions, engineOptions } from "./engine-options.js";
export type { EngineRequest } from "./engine-request.js";
export { type SimulateOptions, type SimulationRun, simulate } from "./simulate.js";
export type { StepColumns } from "./step-log.js";
export { TurnQueue } from "./turn-queue.js";
