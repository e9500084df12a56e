import type { EngineRun } from "./engine-run.js";
import { runEngines } from "./run-engines.js";
import type { SimulateOptions } from "./run-options.js";

/**
 * Runs requests through one engine in virtual time: see {@link runEngines}.
 * @throws InputError when a request has neither or both of `fireAtMs` and `after`, or follows itself or none of them
 * @example
 * ```ts
 * import { latencyProfile, simulate } from "prefixlab";
 * const contentIds = Int32Array.from({ length: 64 }, (_, block) => block);
 * const request = { promptTokens: 1000, outputTokens: 10, contentIds };
 * const run = simulate({
 *   requests: [
 *     { ...request, fireAtMs: 0 },
 *     { ...request, after: { parent: 0, gapMs: 500 } },
 *   ],
 *   model: latencyProfile("h200-qwen3-8b"),
 * });
 * [...run.cachedTokens]; // → [0, 992]
 * ```
 */
export function simulate(options: SimulateOptions): EngineRun {
  return runEngines({ ...options, replicas: 1, routing: () => ({ route: () => 0 }) });
}
