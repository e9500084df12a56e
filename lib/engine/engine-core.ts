import { type Blocks, InputError, type Ms, requireInteger, type Tokens } from "../base/index.js";
import { BlockPool } from "../cache/index.js";
import { emptyStepLoad, type StepLoad, type StepTimer } from "../latency/index.js";
import { clearList } from "./clear-list.js";
import { DecodeCalendar } from "./decode-calendar.js";
import { type EngineOptions, engineOptions } from "./engine-options.js";
import type { EngineRequest } from "./engine-request.js";
import { EventHeap } from "./event-heap.js";
import { PrefixLookup } from "./prefix-lookup.js";
import { Phase, RequestSlots, SlotList } from "./request-slots.js";
import { SlotQueue } from "./slot-queue.js";

const NONE = -1;

/**
 * The scheduler and step composer of vLLM V1 (`vllm/v1/core/sched/scheduler.py`), without a clock of its own: the
 * caller says when a step begins and acts on its end. Simulation drives it in virtual time, the HTTP server by the
 * wall clock.
 *
 * A step: every decoding request takes one token of the budget; then running prefills take chunks, in order of
 * admission; then waiting requests are admitted first come first served while budget, `maxNumSeqs` and blocks last,
 * unless the step had to preempt. A prefill whose last token is computed emits its first token at the step's end.
 *
 * Nothing is done per running request per step: a decode's last step is known at its first token and waits in a heap;
 * block boundaries come every `blockSize` steps and wait in a calendar of that many lists.
 */
export class EngineCore {
  readonly options: EngineOptions;
  readonly pool: BlockPool;
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
  /** Running total over all admissions: tokens looked up in the prefix cache and tokens found. */
  prefixQueryTokens: Tokens = 0;
  prefixHitTokens: Tokens = 0;
  preemptionCount = 0;
  /** Number of the step in progress, or of the next one between steps. */
  step = 0;

  protected readonly waiting = new SlotQueue();
  /** Running prefills, in the order in which they get the budget. */
  protected prefilling: number[] = [];
  readonly #timer: StepTimer;
  readonly #running = new SlotList();
  readonly #calendar: DecodeCalendar;
  readonly #lookup: PrefixLookup;
  readonly #finishes = new EventHeap();
  readonly #finishing: number[] = [];
  #runningCount = 0;
  #decodingCount = 0;
  #decodeContextTokens = 0;
  #inStep = false;
  /** Whether a computed block can be found by every later request. */
  readonly #sharesBlocks: boolean;

  constructor(options: Partial<EngineOptions>, timer: StepTimer, contentCount = 1024) {
    this.options = engineOptions(options);
    this.pool = new BlockPool(this.options.kvCacheBlocks, contentCount);
    this.#sharesBlocks = this.options.enablePrefixCaching && this.options.prefixReuse === "blocks";
    this.#timer = timer;
    this.#calendar = new DecodeCalendar(this.slots, this.options.blockSize);
    this.#lookup = new PrefixLookup(this.slots, this.pool);
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  get decodingCount(): number {
    return this.#decodingCount;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  get isIdle(): boolean {
    return this.#runningCount === 0 && this.waiting.length === 0;
  }

  /** Blocks that one request may hold; one that needs more can never run. */
  get capacityBlocks(): Blocks {
    return this.pool.capacityBlocks;
  }

  /** Blocks a request needs at its longest. */
  blocksNeeded(promptTokens: Tokens, outputTokens: Tokens): Blocks {
    // The last output token is never fed back, so it needs no room.
    return this.#blocksFor(promptTokens + outputTokens - 1);
  }

  /**
   * Puts a request into the waiting queue and returns its slot, which `finished` will name.
   * @throws InputError when it has no tokens, or needs more blocks than the pool has
   */
  submit(request: EngineRequest, tag: number): number {
    requireInteger("EngineCore.submit", "promptTokens", request.promptTokens, 1);
    requireInteger("EngineCore.submit", "outputTokens", request.outputTokens, 1);
    const needed = this.blocksNeeded(request.promptTokens, request.outputTokens);
    if (needed > this.capacityBlocks)
      throw new InputError(
        `EngineCore.submit: ${request.promptTokens} + ${request.outputTokens} tokens need ${needed} blocks, a request can have ${this.capacityBlocks}: raise kvCacheBlocks`,
      );
    const slot = this.slots.take(request, tag, this.options.blockSize);
    this.waiting.push(slot);
    return slot;
  }

  /** Takes a request out, wherever it is, and frees its blocks. Between steps only. */
  abort(slot: number): void {
    this.#lookup.unblock();
    if (this.slots.phase[slot] === Phase.waiting) this.waiting.remove(slot);
    else this.stopRunning(slot);
    this.slots.drop(slot);
  }

  /** Slots that decode in the step in progress, one token each at its end; for a server that streams every token. */
  *decodingSlots(): IterableIterator<number> {
    const { phase, runNext, firstStep } = this.slots;
    for (let slot = this.#running.head; slot !== NONE; slot = runNext[slot]) {
      if (phase[slot] === Phase.decoding && firstStep[slot] < this.step) yield slot;
    }
  }

  /**
   * Composes a step from what is running and waiting, and returns its duration in ms; undefined when there is
   * nothing to do. {@link EngineCore.endStep} must follow before the next one.
   */
  beginStep(): Ms | undefined {
    if (this.isIdle || this.#inStep) return undefined;
    this.#clearEvents();
    this.#growDecodes();
    this.composePrefills(this.options.maxNumBatchedTokens - this.#decodingCount);
    this.#inStep = true;
    return this.#stepMs();
  }

  /**
   * Makes a whole step, begin and end, when all it does is decode: nothing to prefill, admit, finish or preempt. Returns
   * its duration in ms, or undefined when the step is not of that kind: then {@link EngineCore.beginStep} makes it.
   */
  decodeStep(): Ms | undefined {
    const decoding = this.#decodingCount;
    if (
      decoding === 0 ||
      this.prefilling.length > 0 ||
      (this.waiting.length > 0 && this.#runningCount < this.options.maxNumSeqs) ||
      this.#finishes.nextKey === this.step ||
      // Each decode begins at most one block.
      this.pool.freeBlocks < decoding ||
      this.#inStep
    )
      return undefined;
    this.#clearEvents();
    this.#growDecodes();
    this.#registerDecodes();
    this.step++;
    return this.#stepMs();
  }

  /** Applies the end of the step: tokens are out, finished requests leave and their blocks are free. */
  endStep(): void {
    const { slots, step } = this;
    for (const slot of this.#finishing) this.#startDecoding(slot);
    while (this.#finishes.nextKey === step) {
      const slot = this.#finishes.pop();
      if (slots.phase[slot] !== Phase.decoding || slots.lastStep[slot] !== step) continue;
      this.stopRunning(slot);
      // An aborted request's entry may be for the same slot and step as that of the slot's next owner.
      slots.phase[slot] = Phase.unused;
      this.finished.push(slot);
    }
    this.#inStep = false;
    this.step++;
  }

  /** Fills what the decodes leave of the budget: running prefills first, then waiting requests. */
  protected composePrefills(budgetTokens: Tokens): void {
    const budget = this.continuePrefills(budgetTokens);
    this.#registerDecodes();
    if (this.preempted.length === 0) this.#admit(budget);
  }

  /** Gives back the slots that {@link EngineCore.endStep} finished, once the caller has read them. */
  dropFinished(): void {
    for (const slot of this.finished) this.slots.drop(slot);
  }

  /** Counts this step's decodes into the load, and asks the model for the step's duration. */
  #stepMs(): Ms {
    this.#decodeContextTokens += this.#decodingCount;
    this.load.decodeSeqs = this.#decodingCount;
    this.load.decodeContextTokens = this.#decodeContextTokens;
    return this.#timer.stepMs(this.load);
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
    const begins = this.#calendar.beginning(this.step);
    for (let slot = begins.head; slot !== NONE; ) {
      const next = slots.boundaryNext[slot];
      if (slots.heldBlocks[slot] < this.#blocksFor(this.#attendedTokens(slot))) this.#take(slot, 1);
      // A preemption may have taken the next one out of the list: begin again, what is done is skipped above.
      slot = next !== NONE && slots.phase[next] !== Phase.decoding ? begins.head : next;
    }
  }

  /**
   * Decodes that fill a block in this step make it findable: after every preemption of the step, so that no content
   * is found that was never computed, and before admission, as in vLLM, whose blocks are findable once scheduled.
   */
  #registerDecodes(): void {
    if (!this.#sharesBlocks) return;
    const { boundaryNext } = this.slots;
    let slot = this.#calendar.filling(this.step).head;
    for (; slot !== NONE; slot = boundaryNext[slot]) this.#register(slot, this.#attendedTokens(slot));
  }

  /** Tokens in the KV of a decoding request once the step in progress is computed. */
  #attendedTokens(slot: number): Tokens {
    return this.slots.computedTokens[slot] + this.step - this.slots.firstStep[slot];
  }

  protected continuePrefills(budgetTokens: Tokens): Tokens {
    const { slots } = this;
    let budget = budgetTokens;
    for (let i = 0; i < this.prefilling.length && budget > 0; i++) {
      const slot = this.prefilling[i];
      const total = this.prefillTotal(slot);
      const chunk = Math.min(this.#capChunk(total - slots.computedTokens[slot]), budget);
      const lacking = this.#blocksFor(slots.computedTokens[slot] + chunk) - slots.heldBlocks[slot];
      if (!this.#take(slot, lacking)) break;
      this.#compute(slot, chunk, total);
      budget -= chunk;
    }
    if (this.#finishing.length > 0)
      this.prefilling = this.prefilling.filter(
        (slot) => slots.computedTokens[slot] < this.prefillTotal(slot),
      );
    return budget;
  }

  protected prefillTotal(slot: number): Tokens {
    return this.slots.promptTokens[slot] + this.slots.emittedTokens[slot];
  }

  #admit(budgetTokens: Tokens): void {
    const { pool } = this;
    const lookup = this.#lookup;
    const { blockSize, maxNumSeqs, enablePrefixCaching, reserveFullPrompt } = this.options;
    let budget = budgetTokens;
    while (budget > 0 && this.#runningCount < maxNumSeqs && this.waiting.length > 0) {
      const slot = this.waiting.peek();
      const total = this.prefillTotal(slot);
      // The last token must be computed to yield logits, so a fully cached prompt recomputes its last block.
      const findable = enablePrefixCaching ? Math.floor((total - 1) / blockSize) : 0;
      if (reserveFullPrompt && lookup.isStillBlocked(slot, findable, this.#blocksFor(total))) break;
      lookup.lookUp(slot, findable);
      const { hits } = lookup;
      const computed = hits * blockSize;
      const chunk = Math.min(this.#capChunk(total - computed), budget);
      const reserved = reserveFullPrompt ? total : computed + chunk;
      if (this.#blocksFor(reserved) - hits + lookup.idleHits > pool.freeBlocks) {
        lookup.block(slot);
        break;
      }

      this.startRunning(slot, hits, computed);
      this.#take(slot, this.#blocksFor(computed + chunk) - hits);
      this.#compute(slot, chunk, total);
      if (computed + chunk < total) this.prefilling.push(slot);
      budget -= chunk;
    }
  }

  /** Moves the head of the waiting queue to the running requests, with `hits` found blocks and `cached` tokens known. */
  protected startRunning(slot: number, hits: Blocks, cached: Tokens): void {
    const { slots } = this;
    this.waiting.shift();
    this.#lookup.unblock();
    this.pool.acquireAll(slots.blocks[slot], hits);
    slots.heldBlocks[slot] = hits;
    slots.registeredBlocks[slot] = hits;
    slots.computedTokens[slot] = cached;
    slots.beginRunning(slot);
    if (slots.preemptions[slot] === 0) slots.cachedTokens[slot] = cached;
    this.prefixQueryTokens += this.options.enablePrefixCaching ? this.prefillTotal(slot) : 0;
    this.prefixHitTokens += cached;
    this.#running.append(slot, slots.runPrevious, slots.runNext);
    this.#runningCount++;
    this.admitted.push(slot);
  }

  /** The threshold keeps one long prefill from starving others, so it does not bind a request that is alone. */
  #capChunk(tokens: Tokens): Tokens {
    const threshold = this.options.longPrefillTokenThreshold;
    return threshold > 0 && this.#runningCount + this.waiting.length > 1
      ? Math.min(tokens, threshold)
      : tokens;
  }

  #blocksFor(tokens: Tokens): Blocks {
    return Math.ceil(tokens / this.options.blockSize);
  }

  #compute(slot: number, chunk: Tokens, total: Tokens): void {
    const { slots, load } = this;
    const from = slots.computedTokens[slot];
    const to = from + chunk;
    slots.computedTokens[slot] = to;
    load.prefillTokens += chunk;
    load.prefillTokenDepth += (to * to - from * from) / 2;
    load.prefillSeqs++;
    if (this.#sharesBlocks) this.#register(slot, to);
    if (to === total) {
      this.#finishing.push(slot);
      this.finishedPrefillTokens += slots.promptTokens[slot];
    }
  }

  #register(slot: number, computedTokens: Tokens): void {
    const { slots, pool } = this;
    const full = Math.floor(computedTokens / this.options.blockSize);
    pool.registerRange(slots.blocks[slot], slots.contentIds[slot], slots.registeredBlocks[slot], full);
    slots.registeredBlocks[slot] = full;
  }

  /**
   * Takes blocks for a running request; while there are too few, preempts the last admitted one, which may be the
   * request itself: then the answer is false.
   */
  #take(slot: number, count: Blocks): boolean {
    const { slots, pool } = this;
    while (count > pool.freeBlocks) {
      const victim = this.#running.tail;
      this.#preempt(victim);
      if (victim === slot) return false;
    }
    pool.allocateInto(slots.blocks[slot], slots.heldBlocks[slot], count);
    slots.heldBlocks[slot] += Math.max(0, count);
    return true;
  }

  #preempt(slot: number): void {
    const { slots } = this;
    if (slots.phase[slot] === Phase.decoding) slots.emittedTokens[slot] += this.step - slots.firstStep[slot];
    this.stopRunning(slot);
    slots.preemptions[slot]++;
    slots.phase[slot] = Phase.waiting;
    slots.computedTokens[slot] = 0;
    this.#lookup.unblock();
    this.waiting.pushFront(slot);
    this.preempted.push(slot);
    this.preemptionCount++;
  }

  #startDecoding(slot: number): void {
    const { slots, step } = this;
    const computed = slots.computedTokens[slot];
    slots.phase[slot] = Phase.decoding;
    slots.firstStep[slot] = step;
    slots.lastStep[slot] = step + slots.outputTokens[slot] - slots.emittedTokens[slot] - 1;
    this.#decodingCount++;
    this.#decodeContextTokens += computed;
    this.#finishes.push(slots.lastStep[slot], slot);
    this.#calendar.add(slot);
    this.emittedFirst.push(slot);
  }

  /** Tokens of a running request whose KV is there, those that the step in progress computes included. */
  protected knownTokens(slot: number): Tokens {
    const { slots } = this;
    const computed = slots.computedTokens[slot];
    if (slots.phase[slot] !== Phase.decoding) return computed;
    const firstStep = slots.firstStep[slot];
    return computed + (this.#inStep ? this.step - firstStep : Math.max(0, this.step - 1 - firstStep));
  }

  /** Takes a running request out of every list and frees its blocks. */
  protected stopRunning(slot: number): void {
    const { slots } = this;
    if (slots.phase[slot] === Phase.decoding) {
      this.#calendar.remove(slot);
      this.#decodingCount--;
      this.#decodeContextTokens -= this.knownTokens(slot);
    } else {
      this.prefilling = this.prefilling.filter((other) => other !== slot);
    }
    this.#running.remove(slot, slots.runPrevious, slots.runNext);
    this.#runningCount--;
    this.pool.release(slots.blocks[slot], slots.heldBlocks[slot]);
    slots.heldBlocks[slot] = 0;
    slots.registeredBlocks[slot] = 0;
  }
}
