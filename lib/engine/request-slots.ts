import type { EngineRequest } from "./engine-request.js";
import { grown } from "./grown.js";

/**
 * Where a request is in its life. Leaving: its client has gone, and what it loads is still on its way. Loaded: it
 * waits with what it loaded. Kept: it has ended, and another engine will read its KV.
 */
export const Phase = {
  unused: 0,
  waiting: 1,
  prefilling: 2,
  decoding: 3,
  loading: 4,
  leaving: 5,
  loaded: 6,
  kept: 7,
} as const;

const NONE = -1;
const NO_REQUEST: EngineRequest = { promptTokens: 0, outputTokens: 0, contentIds: new Int32Array(0) };

/**
 * The requests inside the engine, one slot each, as columns of typed arrays. Slots are reused, so that memory is
 * bounded by the requests present, not by those ever seen.
 */
export class RequestSlots {
  phase: Uint8Array = new Uint8Array(64);
  /** The caller's name for the request. */
  tag: Int32Array = new Int32Array(64);
  promptTokens: Int32Array = new Int32Array(64);
  outputTokens: Int32Array = new Int32Array(64);
  /** Output tokens emitted before the segment that runs now: what a preempted request must recompute. */
  emittedTokens: Int32Array = new Int32Array(64);
  /** Tokens whose KV is there, or will be when it is loaded; for a waiting request, those that were loaded for it; for a decoding request, as of the step that emitted its segment's first token. */
  computedTokens: Int32Array = new Int32Array(64);
  /** Of a prefilling request: tokens that it computes in the step that served it last. */
  chunkTokens: Int32Array = new Int32Array(64);
  cachedTokens: Int32Array = new Int32Array(64);
  preemptions: Int32Array = new Int32Array(64);
  /** Step whose end emits the first token of the current segment, and the one that emits the last. */
  firstStep: Int32Array = new Int32Array(64);
  lastStep: Int32Array = new Int32Array(64);
  /** Counts up with every admission: the order of the running requests. */
  admission: Int32Array = new Int32Array(64);
  /** Running requests in order of admission. */
  runPrevious: Int32Array = new Int32Array(64);
  runNext: Int32Array = new Int32Array(64);
  /** Decoding requests that fill a block in the same step, modulo the block size. */
  boundaryPrevious: Int32Array = new Int32Array(64);
  boundaryNext: Int32Array = new Int32Array(64);
  readonly requests: EngineRequest[] = [];
  /** Counts up with every request: the order in which they reached the scheduler. */
  readonly arrival: number[] = [];
  readonly #unused: number[] = [];
  #count = 0;
  #arrivals = 0;
  #admissions = 0;

  /** Slots in use or used before: all below this number. */
  get count(): number {
    return this.#count;
  }

  /** Takes a slot for a request. */
  take(request: EngineRequest, tag: number): number {
    const slot = this.#unused.pop() ?? this.#count++;
    if (slot === this.phase.length) this.#grow();
    this.phase[slot] = Phase.waiting;
    this.tag[slot] = tag;
    this.promptTokens[slot] = request.promptTokens;
    this.outputTokens[slot] = request.outputTokens;
    this.emittedTokens[slot] = 0;
    this.computedTokens[slot] = 0;
    this.chunkTokens[slot] = 0;
    this.cachedTokens[slot] = NONE;
    this.preemptions[slot] = 0;
    this.firstStep[slot] = NONE;
    this.lastStep[slot] = NONE;
    this.requests[slot] = request;
    this.arrival[slot] = this.#arrivals++;
    return slot;
  }

  /** Marks a request as admitted, behind all that run. */
  beginRunning(slot: number): void {
    this.phase[slot] = Phase.prefilling;
    this.admission[slot] = this.#admissions++;
  }

  /** Gives a slot back. */
  drop(slot: number): void {
    this.phase[slot] = Phase.unused;
    this.requests[slot] = NO_REQUEST;
    this.#unused.push(slot);
  }

  #grow(): void {
    const size = this.phase.length * 2;
    const phase = new Uint8Array(size);
    phase.set(this.phase);
    this.phase = phase;
    this.tag = grown(this.tag, size);
    this.promptTokens = grown(this.promptTokens, size);
    this.outputTokens = grown(this.outputTokens, size);
    this.emittedTokens = grown(this.emittedTokens, size);
    this.computedTokens = grown(this.computedTokens, size);
    this.chunkTokens = grown(this.chunkTokens, size);
    this.cachedTokens = grown(this.cachedTokens, size);
    this.preemptions = grown(this.preemptions, size);
    this.firstStep = grown(this.firstStep, size);
    this.lastStep = grown(this.lastStep, size);
    this.admission = grown(this.admission, size);
    this.runPrevious = grown(this.runPrevious, size);
    this.runNext = grown(this.runNext, size);
    this.boundaryPrevious = grown(this.boundaryPrevious, size);
    this.boundaryNext = grown(this.boundaryNext, size);
  }
}

/** Doubly linked lists over slots: O(1) to append and to take out of the middle. */
export class SlotList {
  head = NONE;
  tail = NONE;

  append(slot: number, previous: Int32Array, next: Int32Array): void {
    previous[slot] = this.tail;
    next[slot] = NONE;
    if (this.tail === NONE) this.head = slot;
    else next[this.tail] = slot;
    this.tail = slot;
  }

  /** Puts a slot in front of those that are greater by `key`; the list is in that order. */
  insert(slot: number, previous: Int32Array, next: Int32Array, key: Int32Array): void {
    let before = this.tail;
    while (before !== NONE && key[before] > key[slot]) before = previous[before];
    if (before === this.tail) {
      this.append(slot, previous, next);
      return;
    }
    const after = before === NONE ? this.head : next[before];
    previous[slot] = before;
    next[slot] = after;
    previous[after] = slot;
    if (before === NONE) this.head = slot;
    else next[before] = slot;
  }

  remove(slot: number, previous: Int32Array, next: Int32Array): void {
    const before = previous[slot];
    const after = next[slot];
    if (before === NONE) this.head = after;
    else next[before] = after;
    if (after === NONE) this.tail = before;
    else previous[after] = before;
  }
}
