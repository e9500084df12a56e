import { requireInteger } from "../base/index.js";
import { partOfWorkload } from "./part-of-workload.js";
import { waitsOf } from "./sessions.js";
import type { Workload } from "./workload-of.js";

/**
 * The first turns of each agent of each session, and nothing that waits for a turn that is left out. Sessions stay those that
 * were found in the whole.
 * @param turns kept of each agent, at least 1
 * @throws InputError when `turns` is no whole number of at least 1
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { firstTurns } from "prefixlab/sessions";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * [workload, firstTurns(workload, 2)].map(({ trace }) => trace.records.length); // → [320, 128]
 * ```
 */
export function firstTurns(workload: Workload, turns: number): Workload {
  requireInteger("firstTurns", "turns", turns, 1);
  const { trace, sessions } = workload;
  const isKept = trace.records.map((_, record) => sessions.turn[record] <= turns);
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const record of isKept.keys())
      if (isKept[record] && waitsOf(sessions, record).some(({ parent }) => !isKept[parent])) {
        isKept[record] = false;
        isChanged = true;
      }
  }
  const kept = Int32Array.from(isKept.keys()).filter((record) => isKept[record]);
  return kept.length === isKept.length ? workload : partOfWorkload(workload, kept);
}
