import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ms, Tokens } from "../../base/index.js";
import type { Conversations } from "./conversation.js";
import type { DriveResult } from "./drive-open-loop.js";
import type { LoadRun } from "./load-run.js";
import { waitUntil } from "./wait-until.js";

/** Failures in a row after which a worker no longer sends at once. */
const FAILURES_AT_ONCE = 2;
/** From one failed sending to the next; doubled with each further failure. */
const FIRST_PAUSE_MS: Ms = 100;
const LONGEST_PAUSE_MS: Ms = 5_000;

/**
 * Keeps a level of concurrency: as many workers, each of which sends its next request the moment the one before has
 * ended, also where that one failed. A worker whose requests fail one after the other sends them further and further
 * apart, so that a server that refuses at once is not stormed; the level is then lower than asked for, which is counted.
 * The duration is divided evenly over the levels; a worker above the current level waits. What is in flight at the end is
 * waited for. Each request is written while the one before it is under way.
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
  const pauses = { count: 0, ms: 0 };
  const write = (worker: number, k: number) => {
    const conversation = conversations.start();
    conversation.say(`worker ${worker} request ${k}`, options.promptTokens);
    return run.prepare(conversation, { outputTokens: options.outputTokens });
  };
  const work = async (worker: number) => {
    let dueAtMs = run.startedAtMs;
    let ready = write(worker, 0);
    let failures = 0;
    let pausedMs = 0;
    for (let k = 1; ; k++) {
      const openAtMs = nextOpening(levels, stairMs, worker, dueAtMs - run.startedAtMs);
      if (openAtMs === undefined) return;
      if (pausedMs > 0) {
        pauses.count++;
        pauses.ms += pausedMs;
      }
      dueAtMs = Math.max(dueAtMs, run.startedAtMs + openAtMs);
      if (!(await waitUntil(dueAtMs, run.signal))) return;
      const answered = run.fire(ready, dueAtMs);
      // The request just sent leaves when this turn of the event loop ends.
      await nextTurn();
      ready = write(worker, k);
      const exchange = await answered;
      failures = exchange.failure ? failures + 1 : 0;
      dueAtMs = Math.max(exchange.endedAtMs, exchange.sentAtMs + pauseAfter(failures));
      pausedMs = dueAtMs - exchange.endedAtMs;
    }
  };
  await Promise.all(Array.from({ length: Math.max(...levels) }, (_, worker) => work(worker)));
  return { notSent: 0, ...(pauses.count > 0 && { pauses }) };
}

/** Least time from one sending to the next after so many failures in a row. */
function pauseAfter(failures: number): Ms {
  if (failures <= FAILURES_AT_ONCE) return 0;
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - FAILURES_AT_ONCE - 1));
}

/** The first time from `atMs` on at which the level lets this worker send; undefined when there is none. */
function nextOpening(levels: readonly number[], stairMs: Ms, worker: number, atMs: Ms): Ms | undefined {
  for (let stair = Math.max(0, Math.floor(atMs / stairMs)); stair < levels.length; stair++)
    if (worker < levels[stair]) return Math.max(atMs, stair * stairMs);
  return undefined;
}
