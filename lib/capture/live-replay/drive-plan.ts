import type { Ms } from "../../base/index.js";
import { Followers, TurnQueue } from "../../engine/index.js";
import type { Plan } from "../../replay/index.js";
import type { LoadRun, ReadyRequest } from "../loadgen/load-run.js";
import { waitUntil } from "../loadgen/wait-until.js";
import type { LiveFleet } from "./live-fleet.js";
import type { PlanPrompts } from "./plan-prompts.js";

/** A prompt is put together this long before it is due: early enough to be ready, late enough to hold the answers. */
const PREPARE_AHEAD_MS = 5;

/**
 * Fires a plan's requests: those with a time of their own at that time, whatever the server does; those that follow
 * others a gap after the end (or the start) of each, at the latest of these; those of a closed loop in turn. What waits for the
 * end of a request that failed is never sent; the place of one in turn is free again.
 * @param prepare writes request `index`, whose prompt is `ids`
 */
export async function drivePlan(
  run: LoadRun,
  plan: Plan,
  prompts: PlanPrompts,
  fleet: LiveFleet,
  prepare: (index: number, ids: Int32Array) => ReadyRequest,
): Promise<void> {
  let sends: Promise<void>[] = [];
  const followers = new Followers(plan.requests, (index, atMs) => sends.push(fireAt(index, atMs)));
  /** What is sent because of what happened, as one promise. */
  const sentBy = (happened: () => void): Promise<unknown> => {
    const before = sends;
    sends = [];
    happened();
    const all = Promise.all(sends);
    sends = before;
    return all;
  };
  const fire = async (index: number, ready: ReadyRequest, dueAtMs: Ms): Promise<void> => {
    const fromStart = sentBy(() => followers.sent(index, dueAtMs));
    // Awaited below: what fails in the meantime is told there.
    fromStart.catch(() => {});
    const exchange = await run.fire(ready, dueAtMs, fleet.send(index));
    fleet.ended(index, exchange);
    if (exchange.outputTokenIds) prompts.answered(index, exchange.outputTokenIds);
    if (plan.requests[index].inTurn) turns.ended(exchange.endedAtMs - run.startedAtMs);
    if (!exchange.failure) await sentBy(() => followers.ended(index, exchange.endedAtMs));
    await fromStart;
  };
  const fireAt = async (index: number, dueAtMs: Ms): Promise<void> => {
    if (!(await waitUntil(dueAtMs - PREPARE_AHEAD_MS, run.signal))) return;
    const ready = prepare(index, prompts.prompt(index));
    if (!(await waitUntil(dueAtMs, run.signal))) return;
    await fire(index, ready, dueAtMs);
  };
  const inTurn: Promise<void>[] = [];
  const turns = new TurnQueue(plan.requests, (index, atMs) => {
    inTurn.push(fireAt(index, run.startedAtMs + atMs));
  });
  turns.start();
  await Promise.all(
    plan.requests.flatMap((request, index) =>
      request.fireAtMs === undefined ? [] : [fireAt(index, run.startedAtMs + request.fireAtMs)],
    ),
  );
  // Each one that ends may have sent others.
  for (let sent = 0; sent < inTurn.length; sent++) await inTurn[sent];
}
