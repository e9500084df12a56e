import type { Blocks, Ms, Tokens } from "../base/index.js";
import type { EngineCore } from "./engine-core.js";
import type { EngineRequest } from "./engine-request.js";
import type { PrefillRun } from "./hand-overs.js";
import type { KvLoad } from "./kv-load.js";
import type { ReplicaEventOutcome } from "./replica-events.js";
import type {
  EngineLoads,
  EngineTotals,
  GapContext,
  Recomputation,
  SimulationRun,
} from "./simulation-run.js";
import type { StepColumns } from "./step-log.js";

/**
 * A run as the engine keeps it. A request's tokens are a window on its engine's step clock: its first token is out at
 * the end of step `firstStep`, one more at the end of each later step, all of them later by its `emissionMs`. Only a
 * preempted request has more than one window: see `resumed`. These are for the engine's own tests and benches;
 * everything else asks {@link SimulationRun}.
 */
export interface EngineRun extends SimulationRun {
  /** Of the first engine. */
  readonly steps: StepColumns;
  /** Step that emitted the first token; -1 where none did. */
  readonly firstStep: Int32Array;
  /** Step that emitted the last token; -1 where it did not complete. */
  readonly lastStep: Int32Array;
  /** From the engine to the client. */
  readonly emissionMs: Float64Array;
  /** Blocks that requests still held when the engines stopped: 0 unless the observation ended before they did. */
  readonly heldBlocks: Blocks;
  /** Preempted requests only: [first step, tokens emitted before it] of each window after the first. */
  readonly resumed: ReadonlyMap<number, readonly (readonly [step: number, emittedTokens: Tokens])[]>;
}

/** Tokens that left at the ends of consecutive steps. */
interface TokenWindow {
  readonly firstStep: number;
  readonly count: number;
}

/** An {@link EngineRun}, filled while it runs. */
export class RunRecord implements EngineRun {
  readonly requests: number;
  readonly replica: Int32Array;
  readonly fireMs: Float64Array;
  readonly admittedMs: Float64Array;
  readonly runningAtAdmission: Int32Array;
  readonly cachedTokens: Int32Array;
  readonly outputTokens: Int32Array;
  readonly firstStep: Int32Array;
  readonly lastStep: Int32Array;
  readonly emissionMs: Float64Array;
  readonly resumed = new Map<number, [step: number, emittedTokens: Tokens][]>();
  readonly refused: number[] = [];
  readonly kvLoads: KvLoad[] = [];
  readonly engines: EngineTotals[] = [];
  replicaEvents?: ReplicaEventOutcome[];
  prefill?: PrefillRun;
  completed = 0;
  endMs: Ms = 0;
  busyMs: Ms = 0;
  preemptions = 0;
  prefixQueryTokens: Tokens = 0;
  prefixHitTokens: Tokens = 0;
  evictedBlocks = 0;
  heldBlocks: Blocks = 0;
  steps: StepColumns = { endMs: new Float64Array(0) };
  readonly requestTimeoutMs?: Ms;
  readonly #requests: readonly EngineRequest[];
  /** When clients gave up, and when engines were done with what had been given up; NaN where that was never. */
  readonly #timedOutMs: Float64Array;
  readonly #leftMs: Float64Array;
  readonly #isRefused: Uint8Array;
  readonly #lostMs = new Map<number, Ms>();
  #logs: readonly StepColumns[] = [];
  #timesMs = new Float64Array(0);

  constructor(
    requests: readonly EngineRequest[],
    readonly replicas: number,
    requestTimeoutMs?: Ms,
  ) {
    const n = requests.length;
    // Nothing is kept of what cannot be.
    const cut = requestTimeoutMs === undefined ? 0 : n;
    if (requestTimeoutMs !== undefined) this.requestTimeoutMs = requestTimeoutMs;
    this.#timedOutMs = new Float64Array(cut).fill(Number.NaN);
    this.#leftMs = new Float64Array(cut).fill(Number.NaN);
    this.#isRefused = new Uint8Array(cut);
    this.#requests = requests;
    this.requests = n;
    this.replica = new Int32Array(n).fill(-1);
    this.fireMs = new Float64Array(n).fill(Number.NaN);
    this.admittedMs = new Float64Array(n).fill(Number.NaN);
    this.runningAtAdmission = new Int32Array(n);
    this.cachedTokens = new Int32Array(n).fill(-1);
    this.outputTokens = new Int32Array(n);
    this.firstStep = new Int32Array(n).fill(-1);
    this.lastStep = new Int32Array(n).fill(-1);
    this.emissionMs = new Float64Array(n);
  }

  /** The steps of all engines, once they have stopped. */
  keepSteps(logs: readonly StepColumns[]): void {
    this.#logs = logs;
    this.steps = logs[0];
    this.#dropUnseen();
  }

  refuse(request: number): void {
    this.refused.push(request);
    if (this.requestTimeoutMs !== undefined) this.#isRefused[request] = 1;
  }

  /** What an engine did, when it stops. */
  addTotals(core: EngineCore): void {
    this.preemptions += core.preemptionCount;
    this.prefixQueryTokens += core.prefixQueryTokens;
    this.prefixHitTokens += core.prefixHitTokens;
    this.evictedBlocks += core.cache.evictedBlocks;
    this.heldBlocks += core.cache.capacityBlocks - core.cache.freeBlocks;
  }

  /** It is sent again: what came of it before counts no more. */
  resend(request: number): void {
    this.replica[request] = -1;
    this.firstStep[request] = -1;
    this.emissionMs[request] = 0;
    this.outputTokens[request] = 0;
    this.admittedMs[request] = Number.NaN;
    this.runningAtAdmission[request] = 0;
    this.cachedTokens[request] = -1;
    this.resumed.delete(request);
  }

  /** Its replica has gone with it. */
  lose(request: number, emittedTokens: Tokens, atMs: Ms): void {
    this.outputTokens[request] = emittedTokens;
    this.#lostMs.set(request, atMs);
  }

  lostMs(request: number): Ms | undefined {
    return this.#lostMs.get(request);
  }

  /** Its client gives up. */
  giveUp(request: number, atMs: Ms): void {
    this.#timedOutMs[request] = atMs;
  }

  /** The engine is done with a request whose client has gone, or will have before the last token is there. */
  leave(request: number, emittedTokens: Tokens, atMs: Ms): void {
    this.outputTokens[request] = emittedTokens;
    this.#leftMs[request] = atMs;
  }

  /** Whether nothing is waited for any more: complete, refused or given up. */
  hasEnded(request: number): boolean {
    return (
      this.lastStep[request] >= 0 ||
      this.#lostMs.has(request) ||
      this.#isRefused[request] === 1 ||
      this.timedOutMs(request) !== undefined
    );
  }

  timedOutMs(request: number): Ms | undefined {
    return told(this.#timedOutMs[request]);
  }

  /** A request has its last token at the end of this step. */
  complete(request: number, step: number): void {
    this.lastStep[request] = step;
    this.outputTokens[request] = this.#requests[request].outputTokens;
    this.completed++;
  }

  firstTokenMs(request: number): Ms | undefined {
    const step = this.firstStep[request];
    return step < 0 ? undefined : this.#endMs(request)[step] + this.emissionMs[request];
  }

  lastTokenMs(request: number): Ms | undefined {
    const step = this.lastStep[request];
    return step < 0 ? undefined : this.#endMs(request)[step] + this.emissionMs[request];
  }

  leftMs(request: number): Ms | undefined {
    const step = this.lastStep[request];
    return step < 0 ? (this.lostMs(request) ?? told(this.#leftMs[request])) : this.#endMs(request)[step];
  }

  decodeMs(request: number): Ms | undefined {
    const firstStep = this.firstStep[request];
    if (firstStep < 0) return undefined;
    const endMs = this.#endMs(request);
    return endMs[this.#lastStepSeen(request)] - endMs[firstStep];
  }

  tokenTimes(request: number, into: Float64Array, at: number): number {
    const count = this.outputTokens[request];
    if (count === 0) return 0;
    const endMs = this.#endMs(request);
    const delayMs = this.emissionMs[request];
    let place = at;
    for (const { firstStep, count: tokens } of this.#windows(request))
      for (let step = firstStep; step < firstStep + tokens; step++) into[place++] = endMs[step] + delayMs;
    return count;
  }

  tokenGaps(request: number, into: Float64Array, at: number): number {
    const count = this.outputTokens[request] - 1;
    if (count < 1) return 0;
    const endMs = this.#endMs(request);
    let place = at;
    const first = this.firstStep[request];
    let beforeMs = endMs[first];
    if (!this.resumed.has(request)) {
      for (let step = first + 1; step <= first + count; step++) {
        const ms = endMs[step];
        into[place++] = ms - beforeMs;
        beforeMs = ms;
      }
      return count;
    }
    for (const { firstStep, count: tokens } of this.#closingWindows(request)) {
      const endStep = firstStep + tokens;
      for (let step = firstStep; step < endStep; step++) {
        const ms = endMs[step];
        into[place++] = ms - beforeMs;
        beforeMs = ms;
      }
    }
    return count;
  }

  gapContext(request: number): GapContext | undefined {
    const count = this.outputTokens[request] - 1;
    if (count < 1) return undefined;
    const { running, finishedPrefillTokens } = this.#logs[this.replica[request]];
    if (!running || !finishedPrefillTokens) return undefined;
    const windows = this.#closingWindows(request);
    const closing = (column: Int32Array): Int32Array => {
      const values = new Int32Array(count);
      let at = 0;
      for (const { firstStep, count: tokens } of windows) {
        values.set(column.subarray(firstStep, firstStep + tokens), at);
        at += tokens;
      }
      return values;
    };
    return { numRunning: closing(running), prefillTokens: closing(finishedPrefillTokens) };
  }

  recomputations(): Recomputation[] {
    return [...this.resumed].flatMap(([request, windows]) =>
      windows.map(([step, emittedTokens]) => ({
        request,
        endMs: this.#endMs(request)[step],
        emittedTokens,
      })),
    );
  }

  loads(replica = 0): EngineLoads | undefined {
    const { endMs, running, waiting, heldBlocks } = this.#logs[replica];
    return running && waiting && heldBlocks && { endMs, running, waiting, heldBlocks };
  }

  /** What was emitted when its client had gone, or it had gone with its replica, is not among the tokens that came. */
  #dropUnseen(): void {
    this.#timedOutMs.forEach((goneMs, request) => {
      if (!Number.isNaN(goneMs)) this.#dropAfter(request, goneMs);
    });
    for (const [request, goneMs] of this.#lostMs) this.#dropAfter(request, goneMs);
  }

  #dropAfter(request: number, goneMs: Ms): void {
    let seen = this.outputTokens[request];
    if (seen > this.#timesMs.length) this.#timesMs = new Float64Array(2 * seen);
    this.tokenTimes(request, this.#timesMs, 0);
    while (seen > 0 && this.#timesMs[seen - 1] > goneMs) seen--;
    this.outputTokens[request] = seen;
    if (seen === 0) this.firstStep[request] = -1;
  }

  #endMs(request: number): Float64Array {
    return this.#logs[this.replica[request]].endMs;
  }

  #lastStepSeen(request: number): number {
    const last = this.lastStep[request];
    if (last >= 0) return last;
    const windows = this.#windows(request);
    const { firstStep, count } = windows[windows.length - 1];
    return firstStep + count - 1;
  }

  /** A request's tokens as windows on the step clock: one, or several where it was preempted; none is empty. */
  #windows(request: number): readonly TokenWindow[] {
    const firstStep = this.firstStep[request];
    const outputTokens = this.outputTokens[request];
    const resumed = this.resumed.get(request);
    if (!resumed) return [{ firstStep, count: outputTokens }];
    // Of one whose client had gone when it resumed, that window came to nobody.
    const starts: (readonly [step: number, emitted: number])[] = [
      [firstStep, 0],
      ...resumed.filter(([, emitted]) => emitted < outputTokens),
    ];
    return starts.map(([step, emitted], k) => ({
      firstStep: step,
      count: (starts[k + 1]?.[1] ?? outputTokens) - emitted,
    }));
  }

  /** The windows without the very first token, which closes no gap. */
  #closingWindows(request: number): readonly TokenWindow[] {
    const [first, ...later] = this.#windows(request);
    return [{ firstStep: first.firstStep + 1, count: first.count - 1 }, ...later];
  }
}

function told(ms: number | undefined): Ms | undefined {
  return ms === undefined || Number.isNaN(ms) ? undefined : ms;
}
