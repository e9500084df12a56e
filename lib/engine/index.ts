/**
 * The simulated engine: a block pool with a prefix cache, a scheduler with vLLM V1's semantics, and an event loop
 * in virtual time. It knows nothing of traces, sessions, warm or cold.
 *
 * Read `engine-request.ts` (what goes in) and `engine-options.ts` (its settings) first.
 */
export { defaultEngineOptions, type EngineOptions, engineOptions } from "./engine-options.js";
export type { EngineRequest } from "./engine-request.js";
