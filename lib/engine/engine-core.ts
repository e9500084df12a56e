import {
  type Blocks,
  InputError,
  InvariantError,
  type Ms,
  requireInteger,
  type Tokens,
} from "../base/index.js";
import type { Admission, KvCache } from "../cache/index.js";
import { emptyStepLoad, type StepLoad, type StepTimer } from "../latency/index.js";
import { clearList } from "./clear-list.js";
import { Decodes } from "./decodes.js";
import type { EngineOptions } from "./engine-options.js";
import type { EngineRequest } from "./engine-request.js";
import type { KvLoad } from "./kv-load.js";
import { type KvLink, KvTransfers } from "./kv-transfers.js";
import type { Ordering, OrderingPolicy, RunningRequests } from "./orderings/ordering.js";
import { Phase, RequestSlots, SlotList } from "./request-slots.js";

const NONE = -1;

/**
 * The scheduler and step composer of vLLM V1 (`vllm/v1/core/sched/scheduler.py`), without a clock of its own: the
 * caller says when a step begins and acts on its end. Simulation drives it in virtual time, the HTTP server by the
 * wall clock. Where KV is kept is the cache's business, who comes first the ordering's, how long a step takes the
 * timer's.
 *
 * A step: every decoding request takes one token of the budget; then running prefills take chunks, in order of
 * admission; then waiting requests are admitted while budget, `maxNumSeqs` and the cache allow, unless the step had to
 * preempt. A prefill whose last token is computed emits its first token at the step's end. Where requests have seats
 * (llama.cpp), waiting ones are seated first, whatever the budget, and prefills take chunks in order of seats.
 *
 * Where part of what a waiting request finds lies in lower tiers of the cache, it takes blocks for all of that and leaves the
 * queue to load it, computing nothing; others behind it go on. When it is there, the request is admitted before all that wait
 * without holding blocks (vLLM's `WAITING_FOR_REMOTE_KVS` and `kv_holding_waiting`). One that would load what is on its way for
 * another is passed over until then. Requests that hold blocks without running cannot bring the engine to a halt: a load begins
 * only where all prefills under way could still end, and a running request that finds no block gives up its own, also alone.
 *
 * Nothing is done per running request per step: see `Decodes`.
 */
export class EngineCore {
  readonly options: EngineOptions;
  readonly cache: KvCache;
  readonly slots = new RequestSlots();
  /** What the step in progress computes. */
  readonly load: StepLoad = emptyStepLoad();
  /** After {@link EngineCore.endStep}: slots that emitted the first token of a segment. */
  readonly emittedFirst: number[] = [];
  /** After {@link EngineCore.endStep}: slots that emitted their last token; valid until the next call. */
  readonly finished: number[] = [];
  /** After {@link EngineCore.beginStep}: slots admitted to run, and slots preempted, in this step. */
  readonly admitted: number[] = [];
  readonly preempted: number[] = [];
  /** Prompt tokens whose prefill ends in the step. */
  finishedPrefillTokens: Tokens = 0;
  /** Tokens looked up in the prefix cache and tokens found when requests were first admitted, so far. */
  prefixQueryTokens: Tokens = 0;
  prefixHitTokens: Tokens = 0;
  /** Those of them that were loaded from lower tiers. */
  lowerHitTokens: Tokens = 0;
  preemptionCount = 0;
  /** Told of each load that is there, before its request is admitted. */
  onLoaded: ((load: KvLoad) => void) | undefined;
  /**
   * Asked when a request that another engine computed has room for its KV and begins to load it: when it is there. `depthTokens`
   * were found here, `tokens` are loaded.
   */
  onReceive: ((tag: number, depthTokens: Tokens, tokens: Tokens, nowMs: Ms) => Ms) | undefined;
  /** Whether requests that end hold their blocks until another engine has read them: {@link EngineCore.letGo}. */
  keepsEnded = false;
  /** Number of the step in progress, or of the next one between steps. */
  step = 0;

  readonly #timer: StepTimer;
  readonly #orderingName: string;
  readonly #ordering: Ordering;
  readonly #hasSeats: boolean;
  readonly #running = new SlotList();
  readonly #runningRequests: RunningRequests;
  readonly #decodes: Decodes;
  /** Running prefills, in the order in which they get the budget. */
  readonly #prefilling: number[] = [];
  /** How many of them, from the first on, got their chunk of the step being composed. */
  #servedCount = 0;
  /** What is left of the budget of the step being composed. */
  #budgetTokens: Tokens = 0;
  readonly #finishing: number[] = [];
  #waitingCount = 0;
  #runningCount = 0;
  #inStep = false;
  /** Where the cache has lower tiers, or KV comes from other engines or is kept for them. */
  readonly #transfers: KvTransfers | undefined;
  /** Those whose KV has been loaded: they wait, and hold blocks. */
  readonly #loaded: Ordering;
  /** What each that loads from tiers does load, by slot; undefined for what comes from another engine. */
  readonly #loads: (Omit<KvLoad, "endMs"> | undefined)[] = [];
  /** Requests that have ended and hold their blocks, and how many of them will let go at a time that is known. */
  #keptCount = 0;
  #lettingGoCount = 0;
  /** Those that wait for what is on its way for others, of the step being composed. */
  readonly #passedOver: number[] = [];
  /** Whether nothing can be done until something is loaded or comes. */
  #awaitsLoads = false;
  #nowMs: Ms = 0;

  /**
   * @param links of the cache's lower tiers, the one nearest to the pool first; undefined where no KV comes or goes, none where it
   * does so between engines only
   */
  constructor(
    options: EngineOptions,
    cache: KvCache,
    ordering: OrderingPolicy,
    timer: StepTimer,
    links?: readonly KvLink[],
  ) {
    const { slots } = this;
    this.#transfers = links && new KvTransfers(links);
    this.options = options;
    this.cache = cache;
    this.#timer = timer;
    this.#hasSeats = cache.seatOf !== undefined;
    this.#decodes = new Decodes(slots, cache.blockSize);
    this.#runningRequests = runningRequests(slots, this.#running);
    this.#orderingName = ordering.name;
    const requests = {
      request: (slot: number) => slots.requests[slot],
      arrival: (slot: number) => slots.arrival[slot],
    };
    this.#ordering = ordering.start(requests);
    this.#loaded = ordering.start(requests);
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  get decodingCount(): number {
    return this.#decodes.count;
  }

  /** Requests that wait to be admitted to run, those that load among them. */
  get waitingCount(): number {
    return this.#waitingCount + this.#loadingCount;
  }

  get #loadingCount(): number {
    return this.#transfers === undefined ? 0 : this.#transfers.count - this.#lettingGoCount;
  }

  /** Whether there is nothing to do until a request comes or {@link EngineCore.nextLoadMs}. */
  get isIdle(): boolean {
    return this.#runningCount === 0 && (this.#waitingCount === 0 || this.#awaitsLoads);
  }

  /** When {@link EngineCore.finishLoads} is next to be called; Infinity while nothing is loaded, and nobody lets go. */
  get nextLoadMs(): Ms {
    return this.#transfers === undefined ? Number.POSITIVE_INFINITY : this.#transfers.nextMs;
  }

  /** Blocks a request needs at its longest. */
  blocksNeeded(promptTokens: Tokens, outputTokens: Tokens): Blocks {
    // The last output token is never fed back, so it needs no room.
    return Math.ceil((promptTokens + outputTokens - 1) / this.cache.blockSize);
  }

  /** Prompt tokens that an admitted request found in the cache when it was first admitted. */
  cachedTokens(slot: number): Tokens {
    return this.slots.cachedTokens[slot];
  }

  /** Output tokens that a request has emitted. Between steps only. */
  emittedTokens(slot: number): Tokens {
    const { phase, emittedTokens, firstStep } = this.slots;
    return emittedTokens[slot] + (phase[slot] === Phase.decoding ? this.step - firstStep[slot] : 0);
  }

  /**
   * Puts a request into the waiting queue and returns its slot, which `finished` will name.
   * @param remoteTokens of its prompt, which another engine has computed and holds
   * @throws InputError when it has no tokens, names too little content, or needs more blocks than it may have
   */
  submit(request: EngineRequest, tag: number, remoteTokens: Tokens = 0): number {
    const { promptTokens, outputTokens, contentIds, priority } = request;
    const { blockSize, requestCapacityBlocks } = this.cache;
    requireInteger("EngineCore.submit", "promptTokens", promptTokens, 1);
    requireInteger("EngineCore.submit", "outputTokens", outputTokens, 1);
    if (priority !== undefined)
      requireInteger("EngineCore.submit", "priority", priority, Number.MIN_SAFE_INTEGER);
    const needed = this.blocksNeeded(promptTokens, outputTokens);
    if (needed > requestCapacityBlocks)
      throw new InputError(
        `EngineCore.submit: ${promptTokens} + ${outputTokens} tokens need ${needed} blocks, a request can have ${requestCapacityBlocks}: raise kvCacheBlocks`,
      );
    const fullBlocks = Math.floor((promptTokens + outputTokens) / blockSize);
    if (contentIds.length < fullBlocks)
      throw new InputError(
        `EngineCore.submit: ${promptTokens} + ${outputTokens} tokens fill ${fullBlocks} blocks of ${blockSize}, got ${contentIds.length} content ids`,
      );
    const { cache } = this;
    if (this.#transfers && this.isIdle) this.settle();
    const slot = this.slots.take(request, tag);
    cache.enter(slot, contentIds, promptTokens + outputTokens, promptTokens);
    if (remoteTokens > 0) cache.expect!(slot, remoteTokens);
    this.#ordering.push(slot);
    this.#waitingCount++;
    this.#awaitsLoads = false;
    return slot;
  }

  /** An engine that has nothing to do makes empty steps until all is stored in lower tiers. */
  settle(): void {
    for (let step = 0; step < 2; step++) this.cache.scheduled?.();
  }

  /**
   * Takes a request out, wherever it is, and frees its blocks; those of one that loads when its transfer is over, as in vLLM.
   * Between steps only.
   */
  abort(slot: number): void {
    const { phase, computedTokens } = this.slots;
    this.#awaitsLoads = false;
    if (phase[slot] === Phase.loading) {
      phase[slot] = Phase.leaving;
      return;
    }
    if (phase[slot] === Phase.kept) {
      this.#keptCount--;
      this.#releaseEnded(slot);
      this.slots.drop(slot);
      return;
    }
    if (this.#isWaiting(slot)) {
      this.#waitingIn(slot).remove(slot);
      this.#waitingCount--;
      if (phase[slot] === Phase.loaded) this.cache.release(slot, computedTokens[slot]);
    } else {
      const tokens = this.#knownTokens(slot);
      this.#stopRunning(slot);
      this.cache.release(slot, tokens);
    }
    this.slots.drop(slot);
  }

  /** The engine stops, between steps: it gives back all that it holds, for what is on its way as well. */
  stop(): void {
    const { slots, cache } = this;
    for (let slot = 0; slot < slots.count; slot++) {
      const phase = slots.phase[slot];
      if (phase === Phase.unused) continue;
      if (phase === Phase.loading || phase === Phase.leaving) {
        cache.release(slot, slots.computedTokens[slot]);
        slots.drop(slot);
      } else this.abort(slot);
    }
    cache.close?.();
  }

  /**
   * Composes a step from what is running and waiting, and returns its duration in ms; undefined when there is
   * nothing to do, but perhaps something to wait for. {@link EngineCore.endStep} must follow before the next one.
   * @param nowMs when it begins: loads from lower tiers begin then, on a clock that {@link EngineCore.nextLoadMs} is read on
   * @throws InputError when the ordering names a request that does not wait or run, or nobody although nobody runs
   */
  beginStep(nowMs: Ms = 0): Ms | undefined {
    if (this.isIdle || this.#inStep) return undefined;
    this.#nowMs = nowMs;
    this.#clearEvents();
    for (;;) {
      const preemptedBefore = this.preempted.length;
      const isWriting = this.cache.isWriting === true;
      this.#compose();
      if (this.load.prefillSeqs > 0 || this.#decodes.count > 0) break;
      // The only one to be served was preempted: as in vLLM, the scheduler goes round again at once.
      // So it does where all wait for what is being stored.
      if (this.preempted.length > preemptedBefore || isWriting) continue;
      if (this.#loadingCount + this.#keptCount > 0) {
        this.#awaitsLoads = true;
        return undefined;
      }
      throw new InputError(
        `ordering "${this.#orderingName}": next() names nobody, although ${this.#waitingCount} wait and ${this.#runningCount} run: it must name a waiting request when nobody runs`,
      );
    }
    this.#inStep = true;
    return this.#stepMs();
  }

  /**
   * Makes a whole step, begin and end, when all it does is decode: nothing to prefill, admit, finish or preempt. Returns
   * its duration in ms, or undefined when the step is not of that kind: then {@link EngineCore.beginStep} makes it.
   */
  decodeStep(): Ms | undefined {
    const decodes = this.#decodes;
    const decoding = decodes.count;
    if (
      decoding === 0 ||
      this.#prefilling.length > 0 ||
      (this.#waitingCount > 0 && this.#runningCount < this.options.maxNumSeqs) ||
      decodes.nextFinish === this.step ||
      // Each decode begins at most one block.
      this.cache.freeBlocks < decoding ||
      this.#inStep
    )
      return undefined;
    this.#clearEvents();
    this.#growDecodes();
    this.#publishDecodes();
    this.cache.scheduled?.();
    this.step++;
    return this.#stepMs();
  }

  /**
   * Applies the end of the step: tokens are out, finished requests leave and their blocks are free.
   * @param emit told, for each request that emits in this step, its slot and how many tokens
   */
  endStep(emit?: (slot: number, tokens: Tokens) => void): void {
    const { slots, step } = this;
    if (emit) this.#emitDecodes(emit);
    for (const slot of this.#finishing) {
      this.#decodes.add(slot, step);
      this.emittedFirst.push(slot);
      emit?.(slot, 1);
    }
    for (;;) {
      const slot = this.#decodes.takeFinished(step);
      if (slot === NONE) break;
      this.#stopRunning(slot);
      // An aborted request's entry may be for the same slot and step as that of the slot's next owner.
      slots.phase[slot] = this.keepsEnded ? Phase.kept : Phase.unused;
      this.finished.push(slot);
    }
    if (this.keepsEnded) this.#keptCount += this.finished.length;
    else for (const slot of this.#inReleaseOrder()) this.#releaseEnded(slot);
    this.#inStep = false;
    this.step++;
  }

  /**
   * What was loaded from lower tiers by then is there: the requests that load it wait to be admitted. Between steps only.
   * @param seenMs what the scheduler knows of
   */
  finishLoads(seenMs: Ms): void {
    const { slots, cache } = this;
    while (this.nextLoadMs <= seenMs) {
      const slot = this.#transfers!.takeEnded(seenMs);
      if (slot === NONE) break;
      this.#awaitsLoads = false;
      if (slots.phase[slot] === Phase.kept) {
        this.#lettingGoCount--;
        this.abort(slot);
        continue;
      }
      if (slots.phase[slot] === Phase.leaving) {
        cache.release(slot, slots.computedTokens[slot]);
        slots.drop(slot);
        continue;
      }
      cache.loaded!(slot);
      slots.phase[slot] = Phase.loaded;
      this.#loaded.push(slot);
      this.#waitingCount++;
      const load = this.#loads[slot];
      if (load) this.onLoaded?.({ ...load, endMs: this.#transfers!.endMs(slot) });
    }
  }

  /** A request that has ended holds its blocks until then, when another engine has read them, or will not. Between steps only. */
  letGo(slot: number, atMs: Ms): void {
    this.#transfers!.expect(slot, atMs);
    this.#lettingGoCount++;
  }

  /** Gives back the slots that {@link EngineCore.endStep} finished, once the caller has read them; not those that are kept. */
  dropFinished(): void {
    if (!this.keepsEnded) for (const slot of this.finished) this.slots.drop(slot);
  }

  #releaseEnded(slot: number): void {
    const { promptTokens, outputTokens } = this.slots;
    // The last output token was never fed back.
    this.cache.release(slot, promptTokens[slot] + outputTokens[slot] - 1);
  }

  #compose(): void {
    const { preempted } = this;
    const preemptedBefore = preempted.length;
    this.#servedCount = 0;
    this.#growDecodes();
    this.#budgetTokens = this.options.maxNumBatchedTokens - this.#decodes.count;
    if (this.#hasSeats) this.#seatWaiting();
    this.#continuePrefills();
    this.#publishDecodes();
    if (!this.#hasSeats && preempted.length === preemptedBefore) this.#admitWaiting();
    this.cache.scheduled?.();
  }

  /** Counts this step's decodes into the load, and asks the model for the step's duration. */
  #stepMs(): Ms {
    const { load } = this;
    const decodes = this.#decodes;
    decodes.contextTokens += decodes.count;
    load.decodeSeqs = decodes.count;
    load.decodeContextTokens = decodes.contextTokens;
    return this.#timer.stepMs(load);
  }

  #clearEvents(): void {
    clearList(this.admitted);
    clearList(this.preempted);
    clearList(this.#finishing);
    clearList(this.emittedFirst);
    clearList(this.finished);
    this.finishedPrefillTokens = 0;
    this.load.prefillTokens = 0;
    this.load.prefillTokenDepth = 0;
    this.load.prefillSeqs = 0;
  }

  /** Blocks for the decodes that begin a new one in this step. */
  #growDecodes(): void {
    const { slots } = this;
    const begins = this.#decodes.beginning(this.step);
    for (let slot = begins.head; slot !== NONE; ) {
      const next = slots.boundaryNext[slot];
      this.#grow(slot, this.#attendedTokens(slot));
      // A preemption may have taken the next one out of the list: begin again, what is done is skipped above.
      slot = next !== NONE && slots.phase[next] !== Phase.decoding ? begins.head : next;
    }
  }

  /**
   * Decodes that fill a block in this step make it findable: after every preemption of the step, so that no content
   * is found that was never computed, and before admission, as in vLLM, whose blocks are findable once scheduled.
   */
  #publishDecodes(): void {
    const { cache } = this;
    const { boundaryNext } = this.slots;
    let slot = this.#decodes.filling(this.step).head;
    for (; slot !== NONE; slot = boundaryNext[slot]) cache.publish(slot, this.#attendedTokens(slot));
  }

  /** Tokens in the KV of a decoding request once the step in progress is computed. */
  #attendedTokens(slot: number): Tokens {
    return this.slots.computedTokens[slot] + this.step - this.slots.firstStep[slot];
  }

  /** Running prefills take their chunks of the budget. */
  #continuePrefills(): void {
    const { slots, cache } = this;
    const prefilling = this.#prefilling;
    while (this.#servedCount < prefilling.length && this.#budgetTokens > 0) {
      const slot = prefilling[this.#servedCount];
      const total = this.#prefillTotal(slot);
      const chunk = Math.min(total - slots.computedTokens[slot], this.#chunkLimit());
      if (!this.#grow(slot, slots.computedTokens[slot] + chunk)) break;
      this.#compute(slot, chunk, total);
      this.#servedCount++;
    }
    // After every preemption, as with the decodes: one served earlier in the step may have been preempted since.
    for (let i = 0; i < this.#servedCount; i++) {
      const slot = prefilling[i];
      cache.publish(slot, slots.computedTokens[slot]);
    }
    if (this.#finishing.length > 0) this.#dropFinishing();
  }

  /** Takes those whose prefill ends out of the prefills. */
  #dropFinishing(): void {
    const prefilling = this.#prefilling;
    const { computedTokens } = this.slots;
    let kept = 0;
    for (const slot of prefilling)
      if (computedTokens[slot] < this.#prefillTotal(slot)) prefilling[kept++] = slot;
    prefilling.length = kept;
    this.#servedCount = 0;
  }

  #prefillTotal(slot: number): Tokens {
    return this.slots.promptTokens[slot] + this.slots.emittedTokens[slot];
  }

  /** Waiting requests take what is left of the budget, and of the cache. */
  #admitWaiting(): void {
    const { cache } = this;
    const { maxNumSeqs, reserveFullPrompt } = this.options;
    while (this.#budgetTokens > 0 && this.#runningCount < maxNumSeqs && this.#waitingCount > 0) {
      const slot = this.#nextWaiting();
      if (slot === NONE) break;
      const total = this.#prefillTotal(slot);
      const admission = cache.fit(slot, total, this.#chunkLimit(), reserveFullPrompt);
      if (admission === undefined) break;
      if (admission.isOnItsWay) {
        this.#ordering.remove(slot);
        this.#passedOver.push(slot);
        continue;
      }
      if (admission.lowerTokens) {
        this.#startLoading(slot, admission, admission.lowerTokens);
        continue;
      }
      if (admission.remoteTokens) {
        this.#startReceiving(slot, admission, admission.remoteTokens);
        continue;
      }
      const { cachedTokens, chunkTokens } = admission;
      this.#startRunning(slot, cachedTokens);
      this.#compute(slot, chunkTokens, total);
      cache.publish(slot, cachedTokens + chunkTokens);
      if (cachedTokens + chunkTokens < total) this.#prefilling.push(slot);
    }
    if (this.#passedOver.length > 0) this.#putBackPassedOver();
  }

  /** Those that were passed over wait where they did. */
  #putBackPassedOver(): void {
    for (let slot = this.#passedOver.pop(); slot !== undefined; slot = this.#passedOver.pop())
      this.#ordering.putBack(slot);
  }

  /** A waiting request takes blocks for what it finds, and leaves the queue while part of that is loaded. */
  #startLoading(slot: number, { cachedTokens }: Admission, lowerTokens: readonly Tokens[]): void {
    const { slots } = this;
    this.#leaveToLoad(
      slot,
      lowerTokens.reduce((sum, tokens) => sum + tokens, cachedTokens),
    );
    this.#transfers!.begin(slot, lowerTokens, this.#nowMs);
    this.#loads[slot] = {
      tag: slots.tag[slot],
      depthTokens: cachedTokens,
      tokens: [...lowerTokens],
      beganMs: this.#nowMs,
      isAgain: slots.preemptions[slot] > 0,
    };
  }

  /** The same for one whose KV another engine holds. */
  #startReceiving(slot: number, { cachedTokens }: Admission, remoteTokens: Tokens): void {
    this.#leaveToLoad(slot, cachedTokens + remoteTokens);
    this.#loads[slot] = undefined;
    const { tag } = this.slots;
    this.#transfers!.expect(slot, this.onReceive!(tag[slot], cachedTokens, remoteTokens, this.#nowMs));
  }

  #leaveToLoad(slot: number, thereTokens: Tokens): void {
    const { slots } = this;
    this.#ordering.remove(slot);
    this.#waitingCount--;
    this.cache.admit(slot);
    slots.phase[slot] = Phase.loading;
    // The last token is computed again where all was loaded: its logits are not kept.
    slots.computedTokens[slot] = Math.min(thereTokens, this.#prefillTotal(slot) - 1);
  }

  #isWaiting(slot: number): boolean {
    const phase = this.slots.phase[slot];
    return phase === Phase.waiting || phase === Phase.loaded;
  }

  /** The queue in which a waiting request is. */
  #waitingIn(slot: number): Ordering {
    return this.slots.phase[slot] === Phase.loaded ? this.#loaded : this.#ordering;
  }

  /** Waiting requests take free seats. */
  #seatWaiting(): void {
    const { cache } = this;
    while (this.#runningCount < this.options.maxNumSeqs && this.#waitingCount > 0) {
      const slot = this.#nextWaiting();
      if (slot === NONE) break;
      const admission = cache.fit(slot, this.#prefillTotal(slot), 0, false);
      if (admission === undefined) break;
      this.#startRunning(slot, admission.cachedTokens);
      this.#prefilling.push(slot);
    }
    if (this.admitted.length > 0) this.#prefilling.sort((a, b) => cache.seatOf!(a) - cache.seatOf!(b));
  }

  #nextWaiting(): number {
    // What holds blocks goes first, or those in front of it could wait for these for ever.
    const slot = (this.#transfers && this.#loaded.next()) ?? this.#ordering.next();
    if (slot === undefined) return NONE;
    if (!this.#isWaiting(slot))
      throw new InputError(
        `ordering "${this.#orderingName}": next() returned ${slot}, which does not wait: it must name a request that was pushed or put back, and not removed since`,
      );
    return slot;
  }

  /** Moves a waiting request that fits to the running ones, with `cachedTokens` found. */
  #startRunning(slot: number, cachedTokens: Tokens): void {
    const { slots } = this;
    const isLoaded = slots.phase[slot] === Phase.loaded;
    this.#waitingIn(slot).remove(slot);
    this.#waitingCount--;
    this.cache.admit(slot);
    slots.computedTokens[slot] = cachedTokens;
    slots.beginRunning(slot);
    if (slots.preemptions[slot] === 0) {
      slots.cachedTokens[slot] = cachedTokens;
      const load = isLoaded ? this.#loads[slot] : undefined;
      // vLLM counts those of a preempted request apart (`vllm/v1/metrics/stats.py`, PrefixCacheStats.record). What another engine
      // computed was looked up there.
      if (!isLoaded || load) {
        this.prefixQueryTokens += this.options.enablePrefixCaching ? slots.promptTokens[slot] : 0;
        this.prefixHitTokens += cachedTokens;
      }
      if (load) this.lowerHitTokens += cachedTokens - load.depthTokens;
    }
    this.#running.append(slot, slots.runPrevious, slots.runNext);
    this.#runningCount++;
    this.admitted.push(slot);
  }

  /**
   * Longest chunk that a prefill may take of what is left of the budget. The threshold keeps one long prefill from
   * starving others, so it does not bind a request that is alone.
   */
  #chunkLimit(): Tokens {
    const threshold = this.options.longPrefillTokenThreshold;
    return threshold > 0 && this.#runningCount + this.waitingCount > 1
      ? Math.min(threshold, this.#budgetTokens)
      : this.#budgetTokens;
  }

  /** A prefill gets a chunk of the step. */
  #compute(slot: number, chunk: Tokens, total: Tokens): void {
    const { slots, load } = this;
    const from = slots.computedTokens[slot];
    const to = from + chunk;
    slots.computedTokens[slot] = to;
    slots.chunkTokens[slot] = chunk;
    this.#budgetTokens -= chunk;
    load.prefillTokens += chunk;
    load.prefillTokenDepth += (to * to - from * from) / 2;
    load.prefillSeqs++;
    if (to === total) {
      this.#finishing.push(slot);
      this.finishedPrefillTokens += slots.promptTokens[slot];
    }
  }

  /** Takes back what {@link EngineCore.#compute} gave to a prefill in the step being composed. */
  #uncompute(slot: number): void {
    const { slots, load } = this;
    const chunk = slots.chunkTokens[slot];
    const to = slots.computedTokens[slot];
    const from = to - chunk;
    this.#budgetTokens += chunk;
    load.prefillTokens -= chunk;
    load.prefillTokenDepth -= (to * to - from * from) / 2;
    load.prefillSeqs--;
    slots.computedTokens[slot] = from;
    if (to === this.#prefillTotal(slot)) {
      this.#finishing.splice(this.#finishing.indexOf(slot), 1);
      this.finishedPrefillTokens -= slots.promptTokens[slot];
    }
  }

  /**
   * Room for a running request up to this many tokens; while there is none, preempts the one that the ordering gives
   * up, which may be the request itself: then the answer is false.
   */
  #grow(slot: number, tokens: Tokens): boolean {
    while (!this.cache.grow(slot, tokens)) {
      // With lower tiers, others may hold blocks that do not run: they go on when this one gives up its own.
      if (this.#running.head === slot && this.#running.tail === slot && this.#transfers === undefined)
        throw new InvariantError(
          `EngineCore: no room for ${tokens} tokens of a request that runs alone, with ${this.cache.freeBlocks} blocks free`,
        );
      const victim = this.#ordering.victim(this.#runningRequests);
      const phase = this.slots.phase[victim];
      if (phase !== Phase.prefilling && phase !== Phase.decoding)
        throw new InputError(
          `ordering "${this.#orderingName}": victim() returned ${victim}, which does not run: it must name one of the running requests`,
        );
      this.#preempt(victim);
      if (victim === slot) return false;
    }
    return true;
  }

  #preempt(slot: number): void {
    const { slots } = this;
    if (slots.phase[slot] === Phase.decoding) {
      slots.emittedTokens[slot] += this.step - slots.firstStep[slot];
      this.#budgetTokens++;
    } else {
      const place = this.#prefilling.indexOf(slot);
      if (place < this.#servedCount) {
        this.#uncompute(slot);
        this.#servedCount--;
      }
    }
    const tokens = this.#knownTokens(slot);
    this.#stopRunning(slot);
    this.cache.release(slot, tokens, true);
    slots.preemptions[slot]++;
    slots.phase[slot] = Phase.waiting;
    slots.computedTokens[slot] = 0;
    this.#ordering.putBack(slot);
    this.#waitingCount++;
    this.preempted.push(slot);
    this.preemptionCount++;
  }

  /** Tokens of a running request whose KV is there, those that the step in progress computes included. */
  #knownTokens(slot: number): Tokens {
    const { slots } = this;
    const computed = slots.computedTokens[slot];
    if (slots.phase[slot] !== Phase.decoding) return computed;
    const firstStep = slots.firstStep[slot];
    return computed + (this.#inStep ? this.step - firstStep : Math.max(0, this.step - 1 - firstStep));
  }

  /** Takes a running request out of every list. */
  #stopRunning(slot: number): void {
    const { slots } = this;
    if (slots.phase[slot] === Phase.decoding) this.#decodes.remove(slot, this.#knownTokens(slot));
    else this.#prefilling.splice(this.#prefilling.indexOf(slot), 1);
    this.#running.remove(slot, slots.runPrevious, slots.runNext);
    this.#runningCount--;
  }

  /** Finished requests, in order of seats where they have some. */
  #inReleaseOrder(): readonly number[] {
    const { cache, finished } = this;
    if (!this.#hasSeats || finished.length < 2) return finished;
    return [...finished].sort((a, b) => cache.seatOf!(a) - cache.seatOf!(b));
  }

  /** A token each for the requests that decode in the step in progress. */
  #emitDecodes(emit: (slot: number, tokens: Tokens) => void): void {
    const { phase, runNext, firstStep } = this.slots;
    for (let slot = this.#running.head; slot !== NONE; slot = runNext[slot]) {
      if (phase[slot] === Phase.decoding && firstStep[slot] < this.step) emit(slot, 1);
    }
  }
}

function runningRequests(slots: RequestSlots, running: SlotList): RunningRequests {
  return {
    get last() {
      return running.tail;
    },
    *[Symbol.iterator]() {
      for (let slot = running.head; slot !== NONE; slot = slots.runNext[slot]) yield slot;
    },
  };
}
