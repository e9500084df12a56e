import type { Ms, Tokens } from "../base/index.js";
import type { Replay } from "../replay/index.js";

/** One request of a session, from when its client sent it: a bar of a waterfall. */
export interface SessionTurn {
  /** Place among the trace's requests. */
  readonly request: number;
  readonly turn: number;
  readonly sentMs: Ms;
  /** Undefined where that never was. */
  readonly admittedMs?: Ms;
  readonly firstTokenMs?: Ms;
  readonly lastTokenMs?: Ms;
  readonly promptTokens: Tokens;
  readonly cachedTokens: Tokens;
  readonly outputTokens: Tokens;
}

/** The requests of one session, in the order in which they were sent. */
export interface SessionTurns {
  /** Its number among the sessions. */
  readonly session: number;
  readonly sessions: number;
  readonly turns: readonly SessionTurn[];
  /** Requests of it that were never sent. */
  readonly neverSent: number;
}

/** The most requests of a session that are shown. */
const mostTurns = 40;

/** One session of a replay; the last one there is, where there is none of that number. */
export function turnsOfSession({ run, trace, sessions }: Replay, wanted: number): SessionTurns {
  const count = sessions.session.reduce((most, session) => Math.max(most, session + 1), 0);
  const session = Math.min(Math.max(0, wanted), count - 1);
  const own = Array.from(trace.records.keys()).filter((i) => sessions.session[i] === session);
  const sent = own.filter((i) => !Number.isNaN(run.fireMs[i]));
  sent.sort((a, b) => run.fireMs[a] - run.fireMs[b] || a - b);
  return {
    session,
    sessions: count,
    turns: sent.slice(0, mostTurns).map((request): SessionTurn => {
      const admittedMs = run.admittedMs[request];
      const firstTokenMs = run.firstTokenMs(request);
      const lastTokenMs = run.lastTokenMs(request) ?? run.timedOutMs(request);
      return {
        request,
        turn: sessions.turn[request],
        sentMs: run.fireMs[request],
        ...(!Number.isNaN(admittedMs) && { admittedMs }),
        ...(firstTokenMs !== undefined && { firstTokenMs }),
        ...(lastTokenMs !== undefined && { lastTokenMs }),
        promptTokens: trace.records[request].promptTokens,
        cachedTokens: Math.max(0, run.cachedTokens[request]),
        outputTokens: run.outputTokens[request],
      };
    }),
    neverSent: own.length - sent.length,
  };
}
