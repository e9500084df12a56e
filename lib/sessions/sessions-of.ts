import { InputError } from "../base/index.js";
import type { Trace } from "../trace/index.js";
import { inferSessions } from "./infer-sessions.js";
import { recordedSessions } from "./recorded-sessions.js";
import type { SessionLabels } from "./sessions.js";

/**
 * The sessions to replay or draw a trace by: inferred where it has block hashes, since hashes also tell which turn of
 * several a request continues; as recorded where it has none. Without either, or where the recorded turns do not add up,
 * every request is a session.
 * @example
 * ```ts
 * import { readCapture, sessionsOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * Math.max(...sessionsOf(trace).turn); // → 5
 * ```
 */
export function sessionsOf(trace: Trace): SessionLabels {
  if (trace.records.some(({ blockIds }) => blockIds !== undefined)) return inferSessions(trace);
  try {
    return recordedSessions(trace) ?? inferSessions(trace);
  } catch (error) {
    if (error instanceof InputError) return inferSessions(trace);
    throw error;
  }
}
