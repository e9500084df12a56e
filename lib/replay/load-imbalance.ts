import { InputError, type Ms, requireInteger } from "../base/index.js";
import type { SimulationRun } from "../engine/index.js";
import { loadOverTime } from "./load-over-time.js";

/** Requests at the replicas over time, waiting and running: means over equal spans, one entry a span. */
export interface LoadImbalance {
  /** Middles of the spans. */
  readonly timesMs: Float64Array;
  /** At the replica that has the most in that span, at the one that has the fewest, and the mean of all. */
  readonly most: Float64Array;
  readonly fewest: Float64Array;
  readonly mean: Float64Array;
}

/**
 * How unequally a run's replicas were loaded, over its time.
 * @param spans how many equal ones to cut the run's time into
 * @throws InputError when the run took no time
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replay, workloadOf } from "prefixlab";
 * import { loadImbalance } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "burst" }));
 * const { run } = replay(workload, { model: latencyProfile("h200-qwen3-8b"), replicas: 2 });
 * loadImbalance(run, 10).timesMs.length; // → 10
 * ```
 */
export function loadImbalance(run: SimulationRun, spans = 60): LoadImbalance {
  requireInteger("loadImbalance", "spans", spans, 1);
  if (!(run.endMs > 0)) throw new InputError("loadImbalance: the run took no time: there is no load to tell");
  const spanMs = run.endMs / spans;
  const means = Array.from({ length: run.replicas }, (_, replica) => meanLoads(run, replica, spans, spanMs));
  const over = (of: (loads: readonly number[]) => number) =>
    Float64Array.from({ length: spans }, (_, span) => of(means.map((loads) => loads[span])));
  return {
    timesMs: Float64Array.from({ length: spans }, (_, span) => (span + 0.5) * spanMs),
    most: over((loads) => Math.max(...loads)),
    fewest: over((loads) => Math.min(...loads)),
    mean: over((loads) => loads.reduce((sum, load) => sum + load, 0) / loads.length),
  };
}

function meanLoads(run: SimulationRun, replica: number, spans: number, spanMs: Ms): Float64Array {
  const { timesMs, running, waiting } = loadOverTime(run, replica);
  const means = new Float64Array(spans);
  timesMs.forEach((fromMs, k) => {
    const load = running[k] + waiting[k];
    const toMs = Math.min(timesMs[k + 1] ?? run.endMs, run.endMs);
    if (load === 0) return;
    for (let span = Math.floor(fromMs / spanMs); span < spans && span * spanMs < toMs; span++) {
      const share = Math.min(toMs, (span + 1) * spanMs) - Math.max(fromMs, span * spanMs);
      means[span] += (load * Math.max(0, share)) / spanMs;
    }
  });
  return means;
}
