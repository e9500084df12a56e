import { InputError, type Ms, type Tokens } from "../base/index.js";
import type { LatencyModel } from "../latency/index.js";
import { createEngine } from "./create-engine.js";
import type { EngineOptions } from "./engine-options.js";
import type { EngineRequest } from "./engine-request.js";
import { EventHeap } from "./event-heap.js";
import { type StepColumns, StepLog } from "./step-log.js";
import { TurnQueue } from "./turn-queue.js";

/** What to simulate. */
export interface SimulateOptions {
  readonly requests: readonly EngineRequest[];
  readonly model: LatencyModel;
  readonly engine?: Partial<EngineOptions>;
  readonly seed?: number | string;
  /** End of the observation, ms of virtual time: later tokens are not seen. Default: until all is done. */
  readonly untilMs?: Ms;
  /** Keep the load of every step, for plots and for the per-gap context. Default false. */
  readonly keepLoads?: boolean;
  /** How many content ids the requests use, if known. */
  readonly contentCount?: number;
  /** Called about every 65,536 steps with the fraction of requests completed. */
  readonly onProgress?: (fraction: number) => void;
}

/**
 * A run in columns, one entry a request in the order given. A request's tokens are a window on the step clock: its
 * first token is out at the end of step `firstStep`, one more at the end of each later step, all of them later by
 * its `emissionMs`. Only a preempted request has more than one window: see `resumed`.
 */
export interface SimulationRun {
  readonly steps: StepColumns;
  /** When the client sent it; NaN where it was never sent (its parent did not complete). */
  readonly fireMs: Float64Array;
  /** When the scheduler admitted it; NaN where it never did. */
  readonly admittedMs: Float64Array;
  /** Requests running in the step that admitted it, itself included; 0 where it never was. */
  readonly runningAtAdmission: Int32Array;
  /** Step that emitted the first token; -1 where none did. */
  readonly firstStep: Int32Array;
  /** Step that emitted the last token; -1 where it did not complete. */
  readonly lastStep: Int32Array;
  /** Prompt tokens found in the prefix cache at the first admission; -1 where it was never admitted. */
  readonly cachedTokens: Int32Array;
  readonly emissionMs: Float64Array;
  /** Preempted requests only: [first step, tokens emitted before it] of each window after the first. */
  readonly resumed: ReadonlyMap<number, readonly (readonly [step: number, emittedTokens: Tokens])[]>;
  /** Requests refused because they can never fit the pool. */
  readonly refused: readonly number[];
  readonly endMs: Ms;
  /** Time in which a step was running. */
  readonly busyMs: Ms;
  readonly preemptions: number;
  readonly prefixQueryTokens: Tokens;
  readonly prefixHitTokens: Tokens;
  readonly evictedBlocks: number;
}

/**
 * Runs requests through the engine in virtual time: open loop where they carry a firing time, closed loop where they
 * follow another request. Deterministic: the same requests, model, options and seed give the same numbers.
 * Requests that follow one another in a circle are never sent, as those whose parent does not complete.
 * @throws InputError when a request has neither or both of `fireAtMs` and `after`, or follows itself or none of them
 */
export function simulate(options: SimulateOptions): SimulationRun {
  const { requests, model, engine = {}, seed = 0, untilMs = Number.POSITIVE_INFINITY } = options;
  const n = requests.length;
  const timer = model.timer(seed);
  const core = createEngine(engine, timer, options.contentCount);
  const log = new StepLog(options.keepLoads ?? false);
  const { slots } = core;

  const fireMs = new Float64Array(n).fill(Number.NaN);
  const admittedMs = new Float64Array(n).fill(Number.NaN);
  const runningAtAdmission = new Int32Array(n);
  const firstStep = new Int32Array(n).fill(-1);
  const lastStep = new Int32Array(n).fill(-1);
  const cachedTokens = new Int32Array(n).fill(-1);
  const emissionMs = new Float64Array(n);
  const resumed = new Map<number, [number, Tokens][]>();
  const refused: number[] = [];
  const { firstChild, nextSibling } = linkChildren(requests);

  const arrivals = new EventHeap();
  const fire = (index: number, atMs: Ms): void => {
    fireMs[index] = atMs;
    arrivals.push(atMs + timer.arrivalOverheadMs(requests[index].promptTokens), index);
  };
  for (let i = 0; i < n; i++) {
    const { fireAtMs } = requests[i];
    if (fireAtMs !== undefined) fire(i, fireAtMs);
  }
  const turns = new TurnQueue(requests, fire);
  turns.start();

  let nowMs = 0;
  let busyMs = 0;
  let completed = 0;
  let nextProgressStep = 0;
  for (;;) {
    while (nowMs < untilMs && arrivals.nextKey > nowMs) {
      const durationMs = core.decodeStep();
      if (durationMs === undefined) break;
      nowMs += durationMs;
      busyMs += durationMs;
      log.push(nowMs, core.runningCount, core.waitingCount, 0, 0);
    }
    if (core.isIdle) {
      if (arrivals.length === 0) break;
      nowMs = Math.max(nowMs, arrivals.nextKey);
    }
    if (nowMs >= untilMs) break;
    while (arrivals.nextKey <= nowMs) {
      const atMs = arrivals.nextKey;
      const index = arrivals.pop();
      // Beyond the requests: the end of one in turn, as its client sees it.
      if (index >= n) {
        turns.ended(atMs);
        continue;
      }
      const request = requests[index];
      if (core.blocksNeeded(request.promptTokens, request.outputTokens) > core.capacityBlocks) {
        refused.push(index);
        if (request.inTurn) turns.ended(atMs);
      } else core.submit(request, index);
    }
    const durationMs = core.beginStep();
    if (durationMs === undefined) continue;
    for (const slot of core.admitted) {
      const index = slots.tag[slot];
      if (slots.preemptions[slot] !== 0) continue;
      admittedMs[index] = nowMs;
      runningAtAdmission[index] = core.runningCount;
      cachedTokens[index] = slots.cachedTokens[slot];
    }
    nowMs += durationMs;
    busyMs += durationMs;
    log.push(
      nowMs,
      core.runningCount,
      core.waitingCount,
      core.load.prefillTokens,
      core.finishedPrefillTokens,
    );
    const step = core.step;
    core.endStep();
    for (const slot of core.emittedFirst) {
      const index = slots.tag[slot];
      if (firstStep[index] < 0) {
        firstStep[index] = step;
        emissionMs[index] = timer.emissionOverheadMs();
      } else {
        const windows = resumed.get(index) ?? [];
        windows.push([step, slots.emittedTokens[slot]]);
        resumed.set(index, windows);
      }
    }
    for (const slot of core.finished) {
      const index = slots.tag[slot];
      lastStep[index] = step;
      completed++;
      const doneMs = nowMs + emissionMs[index];
      if (requests[index].inTurn) arrivals.push(doneMs, n + index);
      for (let child = firstChild[index]; child >= 0; child = nextSibling[child])
        fire(child, doneMs + requests[child].after!.gapMs);
    }
    core.dropFinished();
    if (options.onProgress && step >= nextProgressStep) {
      options.onProgress(completed / n);
      nextProgressStep = step + 0x10000;
    }
  }

  return {
    steps: log.columns(),
    fireMs,
    admittedMs,
    runningAtAdmission,
    firstStep,
    lastStep,
    cachedTokens,
    emissionMs,
    resumed,
    refused,
    endMs: nowMs,
    busyMs,
    preemptions: core.preemptionCount,
    prefixQueryTokens: core.prefixQueryTokens,
    prefixHitTokens: core.prefixHitTokens,
    evictedBlocks: core.pool.evictedBlocks,
  };
}

/** Children of each request as linked lists in index order. */
function linkChildren(requests: readonly EngineRequest[]): {
  firstChild: Int32Array;
  nextSibling: Int32Array;
} {
  const n = requests.length;
  const firstChild = new Int32Array(n).fill(-1);
  const nextSibling = new Int32Array(n).fill(-1);
  for (let i = n - 1; i >= 0; i--) {
    const { fireAtMs, after, inTurn } = requests[i];
    if ([fireAtMs, after, inTurn].filter((given) => given !== undefined).length !== 1)
      throw new InputError(`simulate: request ${i} must have exactly one of fireAtMs, after and inTurn`);
    if (inTurn && !(Number.isInteger(inTurn.maxInFlight) && inTurn.maxInFlight >= 1 && inTurn.gapMs >= 0))
      throw new InputError(
        `simulate: request ${i} has inTurn with maxInFlight ${inTurn.maxInFlight} and gapMs ${inTurn.gapMs}, expected a whole number >= 1 and a time >= 0`,
      );
    if (fireAtMs !== undefined && !(fireAtMs >= 0 && Number.isFinite(fireAtMs)))
      throw new InputError(`simulate: request ${i} has fireAtMs ${fireAtMs}, expected a finite number >= 0`);
    if (!after) continue;
    if (!Number.isInteger(after.parent) || after.parent < 0 || after.parent >= n || after.parent === i)
      throw new InputError(
        `simulate: request ${i} follows request ${after.parent}, which is not another of the ${n}`,
      );
    if (!(after.gapMs >= 0 && Number.isFinite(after.gapMs)))
      throw new InputError(`simulate: request ${i} has gapMs ${after.gapMs}, expected a finite number >= 0`);
    nextSibling[i] = firstChild[after.parent];
    firstChild[after.parent] = i;
  }
  return { firstChild, nextSibling };
}
