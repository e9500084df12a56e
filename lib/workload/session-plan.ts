import type { Ms, PerSecond, Tokens } from "../base/index.js";
import { InputError, requireFinite, requireInteger } from "../base/index.js";
import { poissonArrivals } from "./arrivals.js";

/** One turn of a session: what is new in its prompt, and how long the client thinks before sending it. */
export interface PlannedTurn {
  /** From 1. */
  readonly turn: number;
  /** Tokens appended to the context by this turn, the shared prefix of turn 1 not counted. */
  readonly newTokens: Tokens;
  readonly outputTokens: Tokens;
  /** From the end of the turn before to this turn's arrival; 0 for turn 1. */
  readonly thinkMs: Ms;
}

/** A session: it arrives on its own, then runs its turns one after the other. */
export interface PlannedSession {
  readonly session: string;
  readonly arrivalMs: Ms;
  /** Which of the shared prefixes its context starts with, from 0. */
  readonly prefix: number;
  readonly turns: readonly PlannedTurn[];
}

/** Sizes of a multi-turn workload. */
export interface SessionPlanOptions {
  /** Sessions that arrive per second, as a Poisson process. */
  readonly ratePerSecond: PerSecond;
  /** Sessions arrive for this long; at least one of `durationMs` and `sessions` is given. */
  readonly durationMs?: Ms;
  readonly sessions?: number;
  readonly turns: number;
  readonly prefixCount: number;
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly thinkTimeMs: Ms;
  readonly seed: number | string;
}

/**
 * Plans agentic multi-turn sessions: Poisson arrivals, shared prefixes given out in turn, and closed-loop turns
 * whose context grows by each turn's prompt and answer.
 * @throws InputError when a count is not positive or a time is negative
 * @example
 * ```ts
 * import { planSessions } from "prefixlab";
 * const sessions = planSessions({
 *   ratePerSecond: 0.8, sessions: 64, turns: 5, prefixCount: 2,
 *   promptTokens: 128, outputTokens: 24, thinkTimeMs: 500, seed: 1,
 * });
 * sessions[1].arrivalMs; // → 790.1
 * sessions[1].turns[1]; // → { turn: 2, newTokens: 128, outputTokens: 24, thinkMs: 500 }
 * ```
 */
export function planSessions(options: SessionPlanOptions): PlannedSession[] {
  const where = "planSessions";
  requireInteger(where, "turns", options.turns, 1);
  requireInteger(where, "prefixCount", options.prefixCount, 1);
  requireInteger(where, "promptTokens", options.promptTokens, 1);
  requireInteger(where, "outputTokens", options.outputTokens, 1);
  requireFinite(where, "thinkTimeMs", options.thinkTimeMs, 0);
  if (options.durationMs === undefined && options.sessions === undefined)
    throw new InputError(`${where}: needs durationMs, sessions or both, or it would never end`);
  const arrivals = poissonArrivals({
    ratePerSecond: options.ratePerSecond,
    seed: options.seed,
    ...(options.durationMs !== undefined && { durationMs: options.durationMs }),
    ...(options.sessions !== undefined && { count: options.sessions }),
  });
  const turns = Array.from({ length: options.turns }, (_, i) => ({
    turn: i + 1,
    newTokens: options.promptTokens,
    outputTokens: options.outputTokens,
    thinkMs: i === 0 ? 0 : options.thinkTimeMs,
  }));
  return Array.from(arrivals, (arrivalMs, i) => ({
    session: `s${i}`,
    arrivalMs,
    prefix: i % options.prefixCount,
    turns,
  }));
}
