import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ms, Tokens } from "../../base/index.js";
import type { Conversations } from "./conversation.js";
import type { LoadRun, ReadyRequest } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/** What a driver says when it is through. */
export interface DriveResult {
  /** Requests that were planned and never sent: the run was stopped, or an earlier turn failed. */
  readonly notSent: number;
  /** Times at which a closed loop sent less than its level, since requests failed one after the other. */
  readonly pauses?: { readonly count: number; readonly ms: Ms };
}

/** Requests written ahead of their time, so that arrivals close together find theirs ready. */
const WRITTEN_AHEAD = 32;
/** Writing stops this long before an arrival. */
const WRITING_PAUSE_MS = 2;

/**
 * Fires one independent request at each arrival time, whatever the server does. Requests are written while nothing is
 * due, so that at its time nothing is left but to send it.
 * @param arrivalsMs ms since the start of the run, ascending
 */
export async function driveOpenLoop(
  run: LoadRun,
  conversations: Conversations,
  arrivalsMs: ArrayLike<Ms>,
  sizes: { readonly promptTokens: Tokens; readonly outputTokens: Tokens },
): Promise<DriveResult> {
  const pending: Promise<unknown>[] = [];
  const ahead: ReadyRequest[] = [];
  let written = 0;
  const write = () => {
    const conversation = conversations.start();
    conversation.say(`request ${written++}`, sizes.promptTokens);
    ahead.push(run.prepare(conversation, { outputTokens: sizes.outputTokens }));
  };
  let sent = 0;
  for (; sent < arrivalsMs.length; sent++) {
    const dueAtMs = run.startedAtMs + arrivalsMs[sent];
    if (ahead.length === 0) write();
    while (written < arrivalsMs.length && ahead.length < WRITTEN_AHEAD) {
      // The request just sent leaves when this turn of the event loop ends.
      await nextTurn();
      if (dueAtMs - performance.now() < WRITING_PAUSE_MS) break;
      write();
    }
    if (!(await waitUntil(dueAtMs, run.signal))) break;
    pending.push(run.fire(ahead.shift() as ReadyRequest, dueAtMs));
  }
  await Promise.all(pending);
  return { notSent: arrivalsMs.length - sent };
}
