import type { Trace } from "../trace/index.js";
import type { SessionLabels } from "./sessions.js";
import { type SessionsOptions, sessionsOf } from "./sessions-of.js";

/** A trace and who continues whom in it, joined by index: what every later step takes. */
export interface Workload {
  readonly trace: Trace;
  readonly sessions: SessionLabels;
}

/**
 * A trace with its sessions, see {@link sessionsOf}.
 * @throws InputError when an option is out of range
 * @example
 * ```ts
 * import { readCapture, summarizeCohorts, workloadOf } from "prefixlab";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * summarizeCohorts(workload).turns2plus.n; // → 256
 * ```
 */
export function workloadOf(trace: Trace, options: SessionsOptions = {}): Workload {
  return { trace, sessions: sessionsOf(trace, options) };
}
