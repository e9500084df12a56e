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
 *
 * Where prefills are apart, a request waits and runs first at its prefill engine, until its decode engine is told; then there. Of all
 * engines together, it runs from when the first of them admitted it.
 * @param replica counts the requests of one engine only. Default: of all.
 * @param pool which engines `replica` is one of, where prefills are apart. Default "decode".
 * @example
 * ```ts
 * import { latencyProfile, loadOverTime, readCapture, replay, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "burst" });
 * const { run } = replay(workloadOf(trace), { model: latencyProfile("h200-qwen3-8b") });
 * const { running } = loadOverTime(run);
 * Math.max(...running); // → 12
 * ```
 */
export function loadOverTime(
  run: SimulationRun,
  replica?: number,
  pool: "decode" | "prefill" = "decode",
): LoadOverTime {
  const changes: { readonly atMs: Ms; readonly running: number; readonly waiting: number }[] = [];
  for (let i = 0; i < run.fireMs.length; i++) {
    if (Number.isNaN(run.fireMs[i]) || run.refused.includes(i)) continue;
    const stay = stayOf(run, i, replica, pool);
    if (!stay) continue;
    const { cameMs, admittedMs, leftMs } = stay;
    changes.push({ atMs: cameMs, running: 0, waiting: 1 });
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

/** When a request came to the engines that are asked for, was admitted and left; undefined where it never came. */
function stayOf(
  run: SimulationRun,
  i: number,
  replica: number | undefined,
  pool: "decode" | "prefill",
): { cameMs: Ms; admittedMs: Ms; leftMs: Ms | undefined } | undefined {
  const { prefill } = run;
  const isApart = prefill !== undefined && prefill.replica[i] >= 0;
  const [cameMs, leftMs] = [run.fireMs[i], run.leftMs(i)];
  if (pool === "prefill") {
    if (!isApart || prefill.replica[i] !== replica) return undefined;
    return { cameMs, admittedMs: prefill.admittedMs[i], leftMs: known(prefill.computedMs[i]) ?? leftMs };
  }
  if (replica !== undefined && run.replica[i] !== replica) return undefined;
  if (!isApart) return { cameMs, admittedMs: run.admittedMs[i], leftMs };
  if (replica === undefined) return { cameMs, admittedMs: prefill.admittedMs[i], leftMs };
  const toldMs = known(prefill.computedMs[i]);
  return toldMs === undefined ? undefined : { cameMs: toldMs, admittedMs: run.admittedMs[i], leftMs };
}

function known(ms: Ms): Ms | undefined {
  return Number.isNaN(ms) ? undefined : ms;
}
