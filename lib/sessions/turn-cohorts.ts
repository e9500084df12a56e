import type { SessionLabels } from "./sessions.js";

/** Record indices by turn: the two cohorts of the cache-effect figure. */
export interface TurnCohorts {
  /** First turns: they can hit a shared prefix only. */
  readonly turn1: Int32Array;
  /** Turns 2 and later: they can hit their own growing context. */
  readonly turns2plus: Int32Array;
}

/**
 * Splits records into first turns and later turns, each in record order.
 * @example
 * ```ts
 * import { inferSessions, readCapture } from "prefixlab";
 * import { turnCohorts } from "prefixlab/sessions";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { turn1, turns2plus } = turnCohorts(inferSessions(trace));
 * [turn1.length, turns2plus.length]; // → [64, 256]
 * ```
 */
export function turnCohorts(sessions: SessionLabels): TurnCohorts {
  const all = Int32Array.from(sessions.turn, (_, i) => i);
  return {
    turn1: all.filter((i) => sessions.turn[i] === 1),
    turns2plus: all.filter((i) => sessions.turn[i] > 1),
  };
}
