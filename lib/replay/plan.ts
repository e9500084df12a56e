import { InputError, type Ms, requireFinite, requireInteger, type Tokens } from "../base/index.js";
import type { EngineRequest, Follows } from "../engine/index.js";
import {
  type SessionLabels,
  thinkGapsFromDurations,
  thinkGapsMs,
  type Workload,
  waitsOf,
} from "../sessions/index.js";
import { defaultBlockSize, type TraceRecord } from "../trace/index.js";
import { type AnswerReuse, type WorkloadChains, workloadChains } from "./answer-reuse.js";
import { capturedPacing } from "./captured-pacing.js";
import { closedLoopTurns } from "./closed-loop-turns.js";
import type { Pacing } from "./pacing.js";
import { plannedOutputTokens, uniqueChains } from "./pool-chains.js";
import { toldConcurrency } from "./told-concurrency.js";

/** Recorded: prompts share what the trace says they share. Unique: none shares anything with another. */
export type Prompts = "recorded" | "unique";

/** How to turn a trace into requests. */
export interface PlanOptions {
  /** Default: that of the capture's client, see {@link capturedPacing}. */
  readonly pacing?: Pacing;
  /** Closed loop: requests in flight at most. Default: as many as the capture had. */
  readonly maxInFlight?: number;
  /** Default "recorded". */
  readonly prompts?: Prompts;
  /**
   * Whether the next turn is taken to repeat the answer before it, so that the answer's blocks are found, where the trace
   * has no hashes of answers. Default true.
   */
  readonly answerReuse?: boolean;
  /** Block size of the pool that will run it. Default: the trace's. */
  readonly blockSize?: Tokens;
  /** Arrivals of roots (open loop: of all) come this many times as fast; think gaps stay. Default 1. */
  readonly rateScale?: number;
  /** Think gaps are this many times as long. Default 1. */
  readonly thinkScale?: number;
  /** Modeled duration of each record, arrival to last token, for a trace without latencies: gaps are taken from here. */
  readonly durationsMs?: readonly (Ms | undefined)[];
}

/** A replay is data: requests to fire, in the order of the trace's records. */
export interface Plan {
  readonly requests: readonly EngineRequest[];
  readonly pacing: Pacing;
  readonly prompts: Prompts;
  readonly blockSize: Tokens;
  /** Content ids run from 0 to contentCount - 1. */
  readonly contentCount: number;
  /** What was assumed where the trace is silent, in words for the user. */
  readonly assumptions: readonly string[];
  /** What rests on the next turn repeating the answer; undefined where nothing does. Told by a replay with its cache on. */
  readonly answerReuse?: AnswerReuse;
}

/**
 * Plans a replay. Nothing downstream asks how it is paced or whether prompts are unique: that is in the data.
 * @throws InputError when the trace has no records, or some without an arrival that are not sent in order, so many at a time
 * @example
 * ```ts
 * import { planReplay, readCapture, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const plan = planReplay(workloadOf(trace));
 * plan.requests.filter(({ after }) => after !== undefined).length; // → 256
 * ```
 */
export function planReplay(workload: Workload, options: PlanOptions = {}): Plan {
  const { trace, sessions } = workload;
  const {
    pacing = capturedPacing(trace).pacing,
    prompts = "recorded",
    maxInFlight,
    rateScale = 1,
    thinkScale = 1,
  } = options;
  const { records } = trace;
  if (records.length === 0) throw new InputError("planReplay: the trace has no records to replay");
  const untimed = records.filter((r) => r.arrivalMs === undefined).length;
  const isInRowOrder =
    untimed > 0 &&
    pacing === "closed-loop" &&
    (maxInFlight !== undefined || toldConcurrency(trace) !== undefined);
  if (untimed > 0 && !isInRowOrder)
    throw new InputError(
      `planReplay: ${untimed === records.length ? "the trace has no arrival times (arrival_ms)" : `${untimed} of ${records.length} requests have no arrival time (arrival_ms)`}: a replay needs to know when requests arrive, unless they are sent in order, so many at a time (--max-concurrency, maxInFlight)`,
    );
  requireFinite("planReplay", "rateScale", rateScale, Number.MIN_VALUE);
  requireFinite("planReplay", "thinkScale", thinkScale, 0);
  if (maxInFlight !== undefined) {
    requireInteger("planReplay", "maxInFlight", maxInFlight, 1);
    if (pacing !== "closed-loop")
      throw new InputError(
        `planReplay: maxInFlight is for pacing "closed-loop", which sends a request when one ends; the pacing is "${pacing}"`,
      );
  }
  const traceBlockSize = trace.meta.blockSize ?? defaultBlockSize;
  const blockSize = requireInteger("planReplay", "blockSize", options.blockSize ?? traceBlockSize, 1);
  const { answerReuse } = options;
  const assumptions: string[] = [];

  const chains: WorkloadChains =
    prompts === "unique"
      ? uniqueChains(trace, blockSize)
      : workloadChains(workload, { blockSize, ...(answerReuse !== undefined && { answerReuse }) });
  if (prompts === "recorded" && records.every((r) => r.blockIds === undefined))
    assumptions.push("the trace has no block hashes: no prompt shares anything with another");
  if (chains.unhashedPromptBlocks > 0 && prompts === "recorded")
    assumptions.push(
      `${chains.unhashedPromptBlocks} full prompt blocks have no hash and are shared with nothing`,
    );

  if (isInRowOrder)
    assumptions.push(
      `${untimed === records.length ? "the trace has no arrival times" : `${untimed} of ${records.length} requests have no arrival time`}: requests are sent in the order of the rows, each as soon as there is a place`,
    );
  const gaps = pacing === "session" ? pacingGapsMs(workload, options.durationsMs, assumptions) : undefined;
  const turns = pacing === "closed-loop" ? closedLoopTurns(trace, maxInFlight) : undefined;
  const originMs = records.reduce((least, r) => Math.min(least, r.arrivalMs as Ms), Number.POSITIVE_INFINITY);
  const unanswered = records.filter((r) => r.outputTokens < 1).length;
  if (unanswered > 0)
    assumptions.push(`${unanswered} requests without output are replayed with one output token`);

  const empty = records.filter((r) => r.promptTokens < 1).length;
  if (empty > 0)
    assumptions.push(`${empty} requests with an empty prompt are replayed with one prompt token`);

  const requests = records.map((record, index): EngineRequest => {
    const shape = {
      promptTokens: Math.max(1, record.promptTokens),
      outputTokens: plannedOutputTokens(record.outputTokens),
      contentIds: chains.contentIds[index],
      session: sessions.session[index],
      ...priorityOf(record),
    };
    const gapMs = gaps?.[index] ?? (gaps && hasToldGaps(sessions, index) ? 0 : undefined);
    if (gapMs !== undefined) return { ...shape, ...followsOf(sessions, index, gapMs, thinkScale) };
    if (turns) return { ...shape, inTurn: turns[index] };
    return { ...shape, fireAtMs: ((record.arrivalMs as Ms) - originMs) / rateScale };
  });
  const { contentCount, reuse } = chains;
  return {
    requests,
    pacing,
    prompts,
    blockSize,
    contentCount,
    assumptions,
    ...(reuse && { answerReuse: reuse }),
  };
}

/** Whether the source tells the gap after each of what a request waits for: then no end need be known. */
function hasToldGaps({ waits }: SessionLabels, index: number): boolean {
  return waits?.get(index)?.every(({ gapMs }) => gapMs !== undefined) ?? false;
}

/**
 * What a request follows: its parent, and what it joins. A gap that the source tells of one of them is kept; `gapMs` is that after the last
 * of all that happened.
 */
function followsOf(
  sessions: SessionLabels,
  index: number,
  gapMs: Ms,
  thinkScale: number,
): { after: Follows; joins?: readonly Follows[] } {
  if (!sessions.waits?.has(index))
    return { after: { parent: sessions.parent[index], gapMs: gapMs * thinkScale } };
  const [after, ...joins] = waitsOf(sessions, index).map(
    (wait): Follows => ({
      parent: wait.parent,
      gapMs: (wait.gapMs ?? gapMs) * thinkScale,
      ...(wait.from && { from: wait.from }),
    }),
  );
  return { after, ...(joins.length > 0 && { joins }) };
}

/** The priority that a request asked for, vLLM's field of that name; a record keeps it under its wire name. */
function priorityOf({ extra }: TraceRecord): { priority?: number } {
  const priority = extra?.priority;
  return Number.isSafeInteger(priority) ? { priority: priority as number } : {};
}

/** Gap between the last of what a record waits for and its arrival; undefined where its own arrival paces it. */
function pacingGapsMs(
  workload: Workload,
  durationsMs: PlanOptions["durationsMs"],
  assumptions: string[],
): readonly (Ms | undefined)[] {
  const { sessions } = workload;
  const turns = sessions.parent.filter((p) => p >= 0).length;
  let gapsMs: readonly (Ms | undefined)[];
  if (durationsMs) {
    const modeled = thinkGapsFromDurations(workload, durationsMs);
    gapsMs = modeled.gapsMs;
    if (modeled.clipped > 0)
      assumptions.push(
        `${modeled.clipped} of ${turns} turns arrived before their parent's modeled completion: gap 0`,
      );
  } else gapsMs = thinkGapsMs(workload);
  const unknown = gapsMs.filter(
    (gapMs, i) => gapMs === undefined && sessions.parent[i] >= 0 && !hasToldGaps(sessions, i),
  ).length;
  if (unknown > 0)
    assumptions.push(
      `${unknown} turns follow a parent whose completion is unknown: fired at their recorded time`,
    );
  return gapsMs;
}
