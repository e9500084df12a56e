import { InputError, type Ms } from "../base/index.js";
import { completionMs } from "./request-columns.js";
import type { Workload } from "./workload-of.js";

/**
 * Think gap of every record, ms: its arrival minus its parent's completion, where completion is arrival + TTFT +
 * decode (or the last thing known of a request that failed). Undefined for first turns and where arrivals or the
 * parent's latencies were not recorded. Never negative beyond rounding for inferred sessions.
 * @example
 * ```ts
 * import { readCapture, thinkGapsMs, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * thinkGapsMs(workloadOf(trace)).slice(0, 2); // → [undefined, 1.173]
 * ```
 */
export function thinkGapsMs({ trace, sessions }: Workload): (Ms | undefined)[] {
  return trace.records.map((record, i) => {
    const parent = sessions.parent[i];
    if (parent < 0 || record.arrivalMs === undefined) return undefined;
    const over = completionMs(trace.records[parent]);
    return over === undefined ? undefined : Math.max(0, record.arrivalMs - over);
  });
}

/** Think gaps of a trace without latencies, and how far the trace contradicted the modeled durations. */
export interface ModeledThinkGaps {
  /** Undefined for first turns and where an arrival or a duration is missing. */
  readonly gapsMs: (Ms | undefined)[];
  /** Turns that arrived before their parent's modeled completion; their gap is 0. */
  readonly clipped: number;
  /** Turns with a gap, clipped ones included. */
  readonly turns: number;
}

/**
 * Think gaps for a trace that has arrivals but no latencies: the recorded interval between the arrivals of parent and
 * child, less the parent's modeled duration (arrival to last token, ms, one a record; undefined where the model has
 * none). A child that arrived sooner than that gets a gap of 0 and is counted: many of them mean that the modeled
 * engine is slower than the one behind the trace.
 * @throws InputError when `durationsMs` is not as long as the records
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { thinkGapsFromDurations } from "prefixlab/sessions";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const durationsMs = trace.records.map(() => 100);
 * const { turns, clipped } = thinkGapsFromDurations(workloadOf(trace), durationsMs);
 * [turns, clipped]; // → [256, 0]
 * ```
 */
export function thinkGapsFromDurations(
  { trace, sessions }: Workload,
  durationsMs: ArrayLike<Ms | undefined>,
): ModeledThinkGaps {
  if (durationsMs.length !== trace.records.length)
    throw new InputError(
      `thinkGapsFromDurations: durationsMs must have one entry a record (${trace.records.length}), got ${durationsMs.length}`,
    );
  let clipped = 0;
  let turns = 0;
  const gapsMs = trace.records.map((record, i) => {
    const parent = sessions.parent[i];
    if (parent < 0) return undefined;
    const parentArrivalMs = trace.records[parent].arrivalMs;
    const durationMs = durationsMs[parent];
    if (record.arrivalMs === undefined || parentArrivalMs === undefined || durationMs === undefined)
      return undefined;
    const gapMs = record.arrivalMs - parentArrivalMs - durationMs;
    turns++;
    if (gapMs < 0) clipped++;
    return Math.max(0, gapMs);
  });
  return { gapsMs, clipped, turns };
}
