import { setMaxListeners } from "node:events";
import type { Ms, Tokens } from "../../base/index.js";
import type { PlannedSession } from "../../workload/index.js";
import type { Conversation, Conversations } from "./conversation.js";
import type { DriveResult } from "./drive-open-loop.js";
import type { LoadRun, ReadyRequest } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/**
 * Runs multi-turn sessions: each arrives at its own time, open loop; within it, a turn fires when the turn before has
 * ended and the client has thought. A turn's prompt is the shared prefix, all earlier prompts and the server's real
 * answers, and a new prompt. A session ends with its first failed turn: there is no answer to go on from.
 * @throws WorkError when an answer cannot go into the next prompt; nothing more is sent, and what is in flight has ended
 */
export async function driveSessions(
  run: LoadRun,
  conversations: Conversations,
  sessions: readonly PlannedSession[],
  prefixTokens: Tokens,
): Promise<DriveResult> {
  let sent = 0;
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  // Every session that waits for its time listens.
  setMaxListeners(0, signal);
  const runTurns = async (
    planned: PlannedSession,
    conversation: Conversation,
    first: ReadyRequest,
    arrivedAtMs: Ms,
  ) => {
    let ready = first;
    let dueAtMs = arrivedAtMs;
    for (let i = 0; ; i++) {
      sent++;
      const exchange = await run.fire(ready, dueAtMs);
      const next = planned.turns[i + 1];
      if (!next || exchange.failure) return;
      dueAtMs = exchange.endedAtMs + next.thinkMs;
      conversation.hear(exchange);
      ready = prepareTurn(run, planned, i + 1, conversation);
      if (!(await waitUntil(dueAtMs, signal))) return;
    }
  };
  const pending: Promise<void>[] = [];
  for (const planned of sessions) {
    const conversation = conversations.start({ name: `prefix ${planned.prefix}`, tokens: prefixTokens });
    const ready = prepareTurn(run, planned, 0, conversation);
    const arrivedAtMs = run.startedAtMs + planned.arrivalMs;
    if (!(await waitUntil(arrivedAtMs, signal))) break;
    const turns = runTurns(planned, conversation, ready, arrivedAtMs);
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
  planned: PlannedSession,
  index: number,
  conversation: Conversation,
): ReadyRequest {
  const turn = planned.turns[index];
  conversation.say(`${planned.session} turn ${turn.turn}`, turn.newTokens);
  return run.prepare(conversation, {
    outputTokens: turn.outputTokens,
    session: planned.session,
    turn: turn.turn,
  });
}
