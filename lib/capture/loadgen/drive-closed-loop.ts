import type { Ms, Tokens } from "../../base/index.js";
import type { Conversations } from "./conversation.js";
import type { DriveResult } from "./drive-open-loop.js";
import type { LoadRun } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/**
 * Keeps a level of concurrency: as many workers, each of which sends its next request the moment the one before has
 * ended. The duration is divided evenly over the levels; a worker above the current level waits. What is in flight
 * at the end is waited for.
 */
export async function driveClosedLoop(
  run: LoadRun,
  conversations: Conversations,
  options: {
    readonly levels: readonly number[];
    readonly durationMs: Ms;
    readonly promptTokens: Tokens;
    readonly outputTokens: Tokens;
  },
): Promise<DriveResult> {
  const { levels, durationMs } = options;
  const stairMs = durationMs / levels.length;
  const work = async (worker: number) => {
    let dueAtMs = run.startedAtMs;
    for (let k = 0; ; k++) {
      const openAtMs = nextOpening(levels, stairMs, worker, dueAtMs - run.startedAtMs);
      if (openAtMs === undefined) return;
      dueAtMs = Math.max(dueAtMs, run.startedAtMs + openAtMs);
      const conversation = conversations.start();
      conversation.say(`worker ${worker} request ${k}`, options.promptTokens);
      const ready = run.prepare(conversation, { outputTokens: options.outputTokens });
      if (!(await waitUntil(dueAtMs, run.signal))) return;
      const exchange = await run.fire(ready, dueAtMs);
      // A server that refuses at once is not to be stormed.
      dueAtMs = exchange.failure ? performance.now() + 1_000 : exchange.endedAtMs;
    }
  };
  await Promise.all(Array.from({ length: Math.max(...levels) }, (_, worker) => work(worker)));
  return { notSent: 0 };
}

/** The first time from `atMs` on at which the level lets this worker send; undefined when there is none. */
function nextOpening(levels: readonly number[], stairMs: Ms, worker: number, atMs: Ms): Ms | undefined {
  for (let stair = Math.max(0, Math.floor(atMs / stairMs)); stair < levels.length; stair++)
    if (worker < levels[stair]) return Math.max(atMs, stair * stairMs);
  return undefined;
}
