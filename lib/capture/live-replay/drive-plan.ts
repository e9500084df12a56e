import type { Ms } from "../../base/index.js";
import { TurnQueue } from "../../engine/index.js";
import type { Plan } from "../../replay/index.js";
import type { LoadRun, ReadyRequest } from "../loadgen/load-run.js";
import { waitUntil } from "../loadgen/wait-until.js";
import type { PlanPrompts } from "./plan-prompts.js";

/** A prompt is put together this long before it is due: early enough to be ready, late enough to hold the answers. */
const PREPARE_AHEAD_MS = 5;

/**
 * Fires a plan's requests: those with a time of their own at that time, whatever the server does; those that follow
 * another a gap after its end; those of a closed loop in turn. The children of a request that failed are never sent; the
 * place of one in turn is free again.
 * @param prepare writes request `index`, whose prompt is `ids`
 */
export async function drivePlan(
  run: LoadRun,
  plan: Plan,
  prompts: PlanPrompts,
  prepare: (index: number, ids: Int32Array) => ReadyRequest,
): Promise<void> {
  const children = childrenOf(plan);
  const fire = async (index: number, ready: ReadyRequest, dueAtMs: Ms): Promise<void> => {
    const exchange = await run.fire(ready, dueAtMs);
    if (exchange.outputTokenIds) prompts.answered(index, exchange.outputTokenIds);
    if (plan.requests[index].inTurn) turns.ended(exchange.endedAtMs - run.startedAtMs);
    if (exchange.failure) return;
    await Promise.all(
      (children.get(index) ?? []).map((child) =>
        fireAt(child, exchange.endedAtMs + plan.requests[child].after!.gapMs),
      ),
    );
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

function childrenOf(plan: Plan): ReadonlyMap<number, readonly number[]> {
  const children = new Map<number, number[]>();
  plan.requests.forEach(({ after }, index) => {
    if (!after) return;
    const siblings = children.get(after.parent);
    if (siblings) siblings.push(index);
    else children.set(after.parent, [index]);
  });
  return children;
}
