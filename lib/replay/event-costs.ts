import type { Ms } from "../base/index.js";
import { type Quantiles, summarizeCohort } from "../cohorts/index.js";
import type { ReplicaEventOutcome } from "../engine/index.js";
import type { Replay } from "./run-replay.js";

/** TTFT of some requests. */
export interface SomeTtft {
  readonly requests: number;
  readonly ttftMs: Quantiles;
}

/** What something that happened to a replica cost. */
export interface EventCost {
  readonly event: ReplicaEventOutcome;
  /** Whether it happened to an engine that computes prompts for the replicas. */
  readonly isPrefill: boolean;
  /** Of requests that were in flight there: from their first sending to the first token of the answer that came. */
  readonly gone: SomeTtft;
  /** Of all others sent in the time before and after. */
  readonly before: SomeTtft;
  readonly after: SomeTtft;
}

/**
 * What happened to replicas in a replay, then to prefill engines, and what it did to TTFT; empty where nothing was to happen.
 * @param aroundMs how long before and after an event requests are looked at. Default: a minute
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replay, workloadOf } from "prefixlab";
 * import { eventCosts } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const replicaEvents = [{ atMs: 60_000, does: "stop", replica: 1 }] as const;
 * const [stop] = eventCosts(replay(workload, { model: latencyProfile("h200-qwen3-8b"), replicas: 2, replicaEvents }));
 * [stop!.event.does, stop!.before.requests > 0, stop!.after.requests > 0]; // → ["stop", true, true]
 * ```
 */
export function eventCosts({ trace, run }: Replay, aroundMs: Ms = 60_000): EventCost[] {
  const some = (members: readonly number[]): SomeTtft => ({
    requests: members.length,
    ttftMs: summarizeCohort(members.map((i) => trace.records[i])).ttftMs,
  });
  const costOf = (event: ReplicaEventOutcome, isPrefill: boolean): EventCost => {
    const gone = new Set(event.requests);
    const sentFrom = (fromMs: Ms, toMs: Ms) =>
      some(
        trace.records.flatMap((_, i) =>
          run.fireMs[i] >= fromMs && run.fireMs[i] < toMs && !gone.has(i) ? [i] : [],
        ),
      );
    const { atMs } = event;
    return {
      event,
      isPrefill,
      gone: some(event.requests),
      before: sentFrom(atMs - aroundMs, atMs),
      after: sentFrom(atMs, atMs + aroundMs),
    };
  };
  return [
    ...(run.replicaEvents ?? []).map((event) => costOf(event, false)),
    ...(run.prefill?.replicaEvents ?? []).map((event) => costOf(event, true)),
  ];
}
