import type { Ms, Tokens } from "../../base/index.js";
import type { Conversations } from "./conversation.js";
import type { LoadRun } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/** What a driver says when it is through. */
export interface DriveResult {
  /** Requests that were planned and never sent: the run was stopped, or an earlier turn failed. */
  readonly notSent: number;
}

/**
 * Fires one independent request at each arrival time, whatever the server does. Each request is written while the
 * one before is out, so that at its time nothing is left but to send it.
 * @param arrivalsMs ms since the start of the run, ascending
 */
export async function driveOpenLoop(
  run: LoadRun,
  conversations: Conversations,
  arrivalsMs: ArrayLike<Ms>,
  sizes: { readonly promptTokens: Tokens; readonly outputTokens: Tokens },
): Promise<DriveResult> {
  const pending: Promise<unknown>[] = [];
  let sent = 0;
  for (let i = 0; i < arrivalsMs.length; i++) {
    const conversation = conversations.start();
    conversation.say(`request ${i}`, sizes.promptTokens);
    const ready = run.prepare(conversation, { outputTokens: sizes.outputTokens });
    const dueAtMs = run.startedAtMs + (arrivalsMs[i] as Ms);
    if (!(await waitUntil(dueAtMs, run.signal))) break;
    pending.push(run.fire(ready, dueAtMs));
    sent++;
  }
  await Promise.all(pending);
  return { notSent: arrivalsMs.length - sent };
}
