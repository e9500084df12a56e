import type { Trace } from "../trace/index.js";
import type { Replay } from "./run-replay.js";

/**
 * Offered load over capacity: the time that the engine worked, each of equal engines, over the time in which the trace asked for
 * it (first to last recorded arrival). Above 1 it is saturated: in an open loop its queue grows with the length of
 * the trace, in a closed one it is as long as there are sessions. Below 1 it is a little too high, as steps of an
 * engine that keeps up batch less. Undefined where nothing was asked for over a time: fewer than ten requests, or all at once.
 * @example
 * ```ts
 * import { fitLatency, readCapture, readCaptures, replay, workloadOf } from "prefixlab";
 * import { offeredLoad } from "prefixlab/replay";
 * const { model } = fitLatency(await readCaptures({ role: "fit" }));
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const off = replay(workload, { model, engine: { enablePrefixCaching: false } });
 * offeredLoad(workload.trace, off); // → 2.123
 * ```
 */
export function offeredLoad(asked: Trace, { run, conditions }: Replay): number | undefined {
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { arrivalMs } of asked.records) {
    if (arrivalMs === undefined) continue;
    firstMs = Math.min(firstMs, arrivalMs);
    lastMs = Math.max(lastMs, arrivalMs);
  }
  const spanMs = lastMs - firstMs;
  if (asked.records.length < 10 || !(spanMs > 0)) return undefined;
  return run.busyMs / conditions.engines / spanMs;
}
