import type { Trace } from "../trace/index.js";
import type { SessionLabels } from "./sessions.js";
import { sessionsOf } from "./sessions-of.js";

/** A trace and who continues whom in it, joined by index: what every later step takes. */
export interface Workload {
  readonly trace: Trace;
  readonly sessions: SessionLabels;
}

/**
 * A trace with its sessions, see {@link sessionsOf}.
 * @example
 * ```ts
 * import { readCapture, summarizeCohorts, workloadOf } from "prefixlab";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * summarizeCohorts(workload).turns2plus.n; // → 256
 * ```
 */
export function workloadOf(trace: Trace): Workload {
  return { trace, sessions: sessionsOf(trace) };
}
