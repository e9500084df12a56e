import type { Ms } from "../../base/index.js";
import type { SweepRequest, SweepStage } from "../../workload/index.js";
import type { Conversations } from "./conversation.js";
import type { DriveResult } from "./drive-open-loop.js";
import type { LoadRun, ReadyRequest } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/** The server's own afterwork of a request, before the next stage begins. */
const IDLE_MS = 30;

/** Runs a sweep, stage by stage. Each record's `stage` is the name of its stage. */
export async function driveSweep(
  run: LoadRun,
  conversations: Conversations,
  stages: readonly SweepStage[],
): Promise<DriveResult> {
  let sent = 0;
  for (const [index, stage] of stages.entries()) {
    if (!(await waitUntil(performance.now() + IDLE_MS, run.signal))) break;
    const ready = stage.requests.map((request, i) =>
      prepareRequest(run, conversations, stage, request, `stage ${index} request ${i}`),
    );
    sent += await runStage(run, stage, ready);
  }
  return { notSent: stages.reduce((all, { requests }) => all + requests.length, 0) - sent };
}

async function runStage(run: LoadRun, stage: SweepStage, ready: readonly ReadyRequest[]): Promise<number> {
  const beganAtMs = performance.now();
  const firstTokens = stage.requests.map(() => mark());
  const ends = stage.requests.map(() => mark());
  const sent = await Promise.all(
    stage.requests.map(async ({ start }, i) => {
      const events = { stage: beganAtMs, firstToken: firstTokens[start.of]?.at, end: ends[start.of]?.at };
      const dueAtMs = ((await events[start.after]) ?? beganAtMs) + start.gapMs;
      const due = await waitUntil(dueAtMs, run.signal);
      if (due)
        await run.fire(ready[i], dueAtMs, { onFirstToken: () => firstTokens[i]?.set(performance.now()) });
      // A request without first token, or never sent, must not keep the ones behind it waiting.
      firstTokens[i]?.set(performance.now());
      ends[i]?.set(performance.now());
      return due;
    }),
  );
  return sent.filter(Boolean).length;
}

function prepareRequest(
  run: LoadRun,
  conversations: Conversations,
  stage: SweepStage,
  request: SweepRequest,
  name: string,
): ReadyRequest {
  const conversation = conversations.start({
    name: `sweep prefix ${request.prefix}`,
    tokens: request.prefixTokens,
  });
  if (request.newTokens > 0) conversation.say(name, request.newTokens);
  return run.prepare(conversation, { outputTokens: request.outputTokens, stage: stage.name });
}

/** A moment that can be awaited; the first setting stands. */
function mark(): { readonly at: Promise<Ms>; readonly set: (atMs: Ms) => void } {
  let set: (atMs: Ms) => void = () => {};
  const at = new Promise<Ms>((resolve) => {
    set = resolve;
  });
  return { at, set };
}
