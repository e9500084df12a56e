import type { Workload } from "../sessions/index.js";
import { type Plan, type PlanOptions, planReplay } from "./plan.js";

/**
 * Plans one workload as {@link planReplay} does and keeps the last plan: what many replays share that differ in engine, model
 * or seed alone. Plans by modeled durations are not kept.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { keepPlan } from "prefixlab/replay";
 * const planOf = keepPlan(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * planOf({ blockSize: 16 }) === planOf({ blockSize: 16 }); // → true
 * ```
 */
export function keepPlan(workload: Workload): (options: PlanOptions) => Plan {
  let kept: { readonly key: string; readonly plan: Plan } | undefined;
  return (options) => {
    if (options.durationsMs) return planReplay(workload, options);
    const key = JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (kept?.key !== key) {
      kept = undefined;
      kept = { key, plan: planReplay(workload, options) };
    }
    return kept.plan;
  };
}
