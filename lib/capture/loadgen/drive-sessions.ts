import { setMaxListeners } from "node:events";
import type { Ms, Tokens } from "../../base/index.js";
import type { PromptSource } from "./conversation.js";
import type { DriveResult } from "./drive-open-loop.js";
import type { Exchange } from "./exchange.js";
import type { LoadRun, ReadyRequest } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/** A session that is driven: it arrives on its own, then sends its turns one after the other. */
export interface DrivenSession {
  readonly session: string;
  readonly arrivalMs: Ms;
  readonly turns: readonly { readonly thinkMs: Ms; readonly outputTokens: Tokens }[];
  /** Begins its context, shortly before it arrives. */
  start(): SessionContext;
}

/** The context of a session. Turns count from 0. */
export interface SessionContext {
  readonly source: PromptSource;
  /** Appends what turn `index` says. */
  say(index: number): void;
  /** Appends the answer to turn `index`. @throws WorkError when it cannot be appended as it was generated */
  hear(index: number, exchange: Exchange): void;
}

/**
 * Runs multi-turn sessions: each arrives at its own time, open loop; within it, a turn fires when the turn before has
 * ended and the client has thought. A session ends with its first failed turn: there is no answer to go on from.
 * @throws WorkError when an answer cannot go into the next prompt; nothing more is sent, and what is in flight has ended
 */
export async function driveSessions(run: LoadRun, sessions: readonly DrivenSession[]): Promise<DriveResult> {
  let sent = 0;
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  // Every session that waits for its time listens.
  setMaxListeners(0, signal);
  const runTurns = async (
    session: DrivenSession,
    context: SessionContext,
    first: ReadyRequest,
    arrivedAtMs: Ms,
  ) => {
    let ready = first;
    let dueAtMs = arrivedAtMs;
    for (let i = 0; ; i++) {
      sent++;
      const exchange = await run.fire(ready, dueAtMs);
      const next = session.turns[i + 1];
      if (!next || exchange.failure) return;
      dueAtMs = exchange.endedAtMs + next.thinkMs;
      context.hear(i, exchange);
      ready = prepareTurn(run, session, i + 1, context);
      if (!(await waitUntil(dueAtMs, signal))) return;
    }
  };
  const pending: Promise<void>[] = [];
  for (const session of sessions) {
    const context = session.start();
    const ready = prepareTurn(run, session, 0, context);
    const arrivedAtMs = run.startedAtMs + session.arrivalMs;
    if (!(await waitUntil(arrivedAtMs, signal))) break;
    const turns = runTurns(session, context, ready, arrivedAtMs);
    // It may fail while later sessions are waited for: it is reported below.
    turns.catch((error: unknown) => failed.abort(error));
    pending.push(turns);
  }
  await Promise.allSettled(pending);
  failed.signal.throwIfAborted();
  return { notSent: sessions.reduce((all, { turns }) => all + turns.length, 0) - sent };
}

function prepareTurn(
  run: LoadRun,
  session: DrivenSession,
  index: number,
  context: SessionContext,
): ReadyRequest {
  context.say(index);
  return run.prepare(context.source, {
    outputTokens: session.turns[index].outputTokens,
    session: session.session,
    turn: index + 1,
  });
}
