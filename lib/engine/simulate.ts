import type { EngineRun } from "./engine-run.js";
import { runEngines, type SimulateOptions } from "./run-engines.js";

/**
 * Runs requests through one engine in virtual time: see {@link runEngines}.
 * @throws InputError when a request has neither or both of `fireAtMs` and `after`, or follows itself or none of them
 */
export function simulate(options: SimulateOptions): EngineRun {
  return runEngines({ ...options, replicas: 1, routing: () => () => 0 });
}
