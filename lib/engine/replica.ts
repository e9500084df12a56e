import type { Ms, Tokens } from "../base/index.js";
import type { StepTimer } from "../latency/index.js";
import { CoreView } from "./core-view.js";
import type { EngineCore } from "./engine-core.js";
import type { EngineRequest } from "./engine-request.js";
import { EventHeap } from "./event-heap.js";
import { grown } from "./grown.js";
import type { KvLoad } from "./kv-load.js";
import { StepLog } from "./step-log.js";

/** What may be seen of an engine from outside, as of now: for routers. */
export interface EngineView {
  /** Whether it takes requests. */
  readonly isOpen: boolean;
  /** Requests sent there that no step has admitted yet. */
  readonly waiting: number;
  readonly running: number;
  /** Blocks held by no request; they may still hold content. */
  readonly freeBlocks: number;
  readonly capacityBlocks: number;
  /** Leading prompt tokens that a request would find in its cache. */
  cachedTokens(request: EngineRequest): Tokens;
  /**
   * From now on, tells of contents that its cache comes to hold or loses, in order, each when the step that did it ends: that may
   * lie ahead of now.
   * @throws InputError when the cache does not tell
   */
  listenToCache(listener: ContentListener): void;
}

/** Told of a content that an engine's cache holds from `atMs` on, or no longer. */
export type ContentListener = (contentId: number, isHeld: boolean, atMs: Ms) => void;

/** One engine in virtual time: its core, its clock, what is on its way to it, and what it did. */
export class Replica extends CoreView implements EngineView {
  readonly log: StepLog;
  /** What its requests loaded from lower tiers. */
  readonly kvLoads: KvLoad[] = [];
  /** Requests on their way to the scheduler, by the time they reach it, and requests that it is to drop. */
  arrivals = new EventHeap();
  /** Whether it only computes prompts, whose KV others read. */
  isPrefill = false;
  /** Slots that are to be aborted when the step in progress is over. */
  readonly toAbort: number[] = [];
  /** How many of its arrivals are requests to drop. */
  toDrop = 0;
  /** The engine's clock: the end of its last step, or of the one in progress. */
  nowMs: Ms = 0;
  busyMs: Ms = 0;
  /** When the last step began, or the engine woke: what had arrived by then, an asynchronous scheduler has seen. */
  beganMs: Ms = 0;
  /** Whether a step is in progress, whose end has not been applied. */
  isStepping = false;
  /** When it acts next; Infinity while nothing is there to do. */
  nextMs: Ms = Number.POSITIVE_INFINITY;
  isOpen = true;
  /** Of the engines that this one took the place of. */
  pastPreemptions = 0;
  /** Contents that came, and complements of those that went, in the step that is made. */
  #contents: Int32Array = new Int32Array(64);
  #contentCount = 0;
  #contentListener: ContentListener | undefined;

  constructor(
    readonly index: number,
    public core: EngineCore,
    readonly timer: StepTimer,
    keepLoads: boolean,
  ) {
    super();
    this.log = new StepLog(keepLoads);
    core.onLoaded = (load) => this.kvLoads.push(load);
  }

  /** A new engine takes the place of one that stopped between its steps, or in one. */
  replaceCore(core: EngineCore, atMs: Ms): void {
    // Also a step that only decodes is cut short: it may have been made ahead of time.
    this.busyMs -= Math.max(0, this.nowMs - atMs);
    this.log.cutLast(atMs);
    this.pastPreemptions += this.core.preemptionCount;
    this.core = core;
    core.onLoaded = (load) => this.kvLoads.push(load);
    // Its steps go on in the same log.
    core.step = this.log.length;
    this.arrivals = new EventHeap();
    this.toDrop = 0;
    this.toAbort.length = 0;
    this.isStepping = false;
    this.nowMs = Math.min(this.nowMs, atMs);
    this.beganMs = this.nowMs;
    this.nextMs = Number.POSITIVE_INFINITY;
    this.#contentCount = 0;
    if (this.#contentListener) this.listenToCache(this.#contentListener);
  }

  /** When something next reaches the scheduler: a request, word of one to drop, or what was loaded from a lower tier. */
  get nextEventMs(): Ms {
    return Math.min(this.arrivals.nextKey, this.core.nextLoadMs);
  }

  get waiting(): number {
    return this.core.waitingCount + this.arrivals.length - this.toDrop;
  }

  listenToCache(listener: ContentListener): void {
    this.#contentListener = listener;
    this.listenToCore((contentId, isHeld) => {
      const at = this.#contentCount++;
      if (at === this.#contents.length) this.#contents = grown(this.#contents, 2 * at);
      this.#contents[at] = isHeld ? contentId : ~contentId;
    });
  }

  /** The step in which contents came and went is over. */
  tellContents(): void {
    const contents = this.#contents;
    for (let i = 0; i < this.#contentCount; i++) {
      const content = contents[i];
      this.#contentListener!(content < 0 ? ~content : content, content >= 0, this.nowMs);
    }
    this.#contentCount = 0;
  }

  /** Whether it has room for the request when it is alone. */
  canHold({ promptTokens, outputTokens }: EngineRequest): boolean {
    const { core } = this;
    return core.blocksNeeded(promptTokens, outputTokens) <= core.cache.requestCapacityBlocks;
  }

  /** Takes a request out, on its way or at this slot: now, or when the step in progress is over. */
  remove(index: number, slot: number): void {
    if (slot < 0) this.arrivals.remove(index);
    else if (this.isStepping) this.toAbort.push(slot);
    else this.core.abort(slot);
  }

  /** The step in progress is over. */
  abortRemoved(): void {
    for (const slot of this.toAbort) this.core.abort(slot);
    this.toAbort.length = 0;
  }

  /** A request's client has gone: the scheduler learns of it. */
  drop(atMs: Ms, event: number): void {
    this.arrivals.push(atMs, event);
    this.toDrop++;
  }

  /** Makes the steps that only decode and begin before `untilMs`. */
  decodeUntil(untilMs: Ms): void {
    const { core, log } = this;
    let nowMs = this.nowMs;
    let busyMs = this.busyMs;
    let beganMs = this.beganMs;
    while (nowMs < untilMs) {
      const durationMs = core.decodeStep();
      if (durationMs === undefined) break;
      beganMs = nowMs;
      nowMs += durationMs;
      busyMs += durationMs;
      log.push(nowMs, core.runningCount, core.waitingCount, 0, 0, this.#heldBlocks());
      if (this.#contentCount > 0) {
        this.nowMs = nowMs;
        this.tellContents();
      }
    }
    this.nowMs = nowMs;
    this.busyMs = busyMs;
    this.beganMs = beganMs;
  }

  /** Composes a step, which ends at `nowMs`; false when there is nothing to do. */
  beginStep(): boolean {
    const { core } = this;
    const durationMs = core.beginStep(this.nowMs);
    if (durationMs === undefined) return false;
    this.beganMs = this.nowMs;
    this.nowMs += durationMs;
    this.busyMs += durationMs;
    this.isStepping = true;
    this.log.push(
      this.nowMs,
      core.runningCount,
      core.waitingCount,
      core.load.prefillTokens,
      core.finishedPrefillTokens,
      this.#heldBlocks(),
    );
    return true;
  }

  /** Of the pool, for a log that keeps them. */
  #heldBlocks(): number {
    return this.log.withLoads ? this.capacityBlocks - this.freeBlocks : 0;
  }
}
