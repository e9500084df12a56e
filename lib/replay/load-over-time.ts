import type { Ms } from "../base/index.js";
import type { SimulationRun } from "../engine/index.js";

/** How many requests an engine works on and how many wait, one entry a change: arrays of one length. */
export interface LoadOverTime {
  readonly timesMs: Float64Array;
  /** Admitted and not finished. */
  readonly running: Int32Array;
  /** Sent and not admitted. */
  readonly waiting: Int32Array;
}

/**
 * Running and waiting requests of a simulation over virtual time. A request waits from when the client sent it to its
 * first admission, and runs from there until the engine is done with it: the step of its last token, or the end of the one
 * in which its client gave up. One with which it never was done stays to the end.
 * @param replica counts the requests of one engine only. Default: of all.
 * @example
 * ```ts
 * import { latencyProfile, loadOverTime, readCapture, replay, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "burst" });
 * const { run } = replay(workloadOf(trace), { model: latencyProfile("h200-qwen3-8b") });
 * const { running } = loadOverTime(run);
 * Math.max(...running); // → 12
 * ```
 */
export function loadOverTime(run: SimulationRun, replica?: number): LoadOverTime {
  const changes: { readonly atMs: Ms; readonly running: number; readonly waiting: number }[] = [];
  for (let i = 0; i < run.fireMs.length; i++) {
    const fireMs = run.fireMs[i];
    const admittedMs = run.admittedMs[i];
    if (Number.isNaN(fireMs) || run.refused.includes(i)) continue;
    if (replica !== undefined && run.replica[i] !== replica) continue;
    changes.push({ atMs: fireMs, running: 0, waiting: 1 });
    const leftMs = run.leftMs(i);
    if (!Number.isNaN(admittedMs)) {
      changes.push({ atMs: admittedMs, running: 1, waiting: -1 });
      changes.push({ atMs: leftMs ?? run.endMs, running: -1, waiting: 0 });
    } else if (leftMs !== undefined) changes.push({ atMs: leftMs, running: 0, waiting: -1 });
  }
  changes.sort((a, b) => a.atMs - b.atMs);
  const timesMs: Ms[] = [];
  const running: number[] = [];
  const waiting: number[] = [];
  let runningNow = 0;
  let waitingNow = 0;
  changes.forEach((change, at) => {
    runningNow += change.running;
    waitingNow += change.waiting;
    // Changes of one instant are one entry.
    if (changes[at + 1]?.atMs === change.atMs) return;
    timesMs.push(change.atMs);
    running.push(runningNow);
    waiting.push(waitingNow);
  });
  return {
    timesMs: Float64Array.from(timesMs),
    running: Int32Array.from(running),
    waiting: Int32Array.from(waiting),
  };
}
