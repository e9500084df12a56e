import { InputError, type Ms } from "../base/index.js";
import type { Trace } from "../trace/index.js";
import { completionMs } from "./request-columns.js";
import { type SessionLabels, waitsOf } from "./sessions.js";
import type { Workload } from "./workload-of.js";

/**
 * Think gap of every record, ms: its arrival minus its parent's completion, where completion is arrival + TTFT +
 * decode (or the last thing known of a request that failed); of a record that waits for several, minus the last of what it
 * waits for. Undefined for first turns and where arrivals or the parent's latencies were not recorded. A child that arrived before that has a gap of 0.
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
    const over = sessions.waits?.has(i)
      ? lastEventMs(trace, sessions, i)
      : completionMs(trace.records[parent]);
    return over === undefined ? undefined : Math.max(0, record.arrivalMs - over);
  });
}

/** When the last thing happened that a record waits for; undefined where one of them is unknown. */
function lastEventMs({ records }: Trace, sessions: SessionLabels, record: number): Ms | undefined {
  let last = Number.NEGATIVE_INFINITY;
  for (const { parent, from } of waitsOf(sessions, record)) {
    const atMs = from === "start" ? records[parent].arrivalMs : completionMs(records[parent]);
    if (atMs === undefined) return undefined;
    last = Math.max(last, atMs);
  }
  return last;
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
 * none); of several that are waited for, from the last. A child that arrived sooner than that gets a gap of 0 and is counted: many of them mean that the modeled
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
    if (record.arrivalMs === undefined) return undefined;
    let overMs = Number.NEGATIVE_INFINITY;
    for (const wait of waitsOf(sessions, i)) {
      const { arrivalMs } = trace.records[wait.parent];
      const durationMs = wait.from === "start" ? 0 : durationsMs[wait.parent];
      if (arrivalMs === undefined || durationMs === undefined) return undefined;
      overMs = Math.max(overMs, arrivalMs + durationMs);
    }
    const gapMs = record.arrivalMs - overMs;
    turns++;
    if (gapMs < 0) clipped++;
    return Math.max(0, gapMs);
  });
  return { gapsMs, clipped, turns };
}
