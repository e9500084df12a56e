import type { Tokens } from "../base/index.js";
import { DecodeCalendar } from "./decode-calendar.js";
import { EventHeap } from "./event-heap.js";
import { Phase, type RequestSlots, type SlotList } from "./request-slots.js";

const NONE = -1;

/**
 * The decoding requests, of which nothing is done per step: each takes one token a step, so the step of its last token
 * is known at its first one and waits in a heap, and the steps in which it fills a block are entered in a calendar.
 */
export class Decodes {
  count = 0;
  /** Sum of their tokens in the KV, as of the step composed last. */
  contextTokens: Tokens = 0;
  readonly #slots: RequestSlots;
  readonly #calendar: DecodeCalendar;
  readonly #finishes = new EventHeap();

  constructor(slots: RequestSlots, blockSize: Tokens) {
    this.#slots = slots;
    this.#calendar = new DecodeCalendar(slots, blockSize);
  }

  /** The next step in which one ends; it may have left meanwhile. */
  get nextFinish(): number {
    return this.#finishes.nextKey;
  }

  /** Those that begin a new block in this step. */
  beginning(step: number): SlotList {
    return this.#calendar.beginning(step);
  }

  /** Those whose token of this step is the last of a block. */
  filling(step: number): SlotList {
    return this.#calendar.filling(step);
  }

  /** Enters a request whose first token, or first one since it was preempted, leaves at the end of this step. */
  add(slot: number, step: number): void {
    const slots = this.#slots;
    slots.phase[slot] = Phase.decoding;
    slots.firstStep[slot] = step;
    slots.lastStep[slot] = step + slots.outputTokens[slot] - slots.emittedTokens[slot] - 1;
    this.count++;
    this.contextTokens += slots.computedTokens[slot];
    this.#finishes.push(slots.lastStep[slot], slot);
    this.#calendar.add(slot);
  }

  /** @param knownTokens its part of `contextTokens` */
  remove(slot: number, knownTokens: Tokens): void {
    this.#calendar.remove(slot);
    this.count--;
    this.contextTokens -= knownTokens;
  }

  /** One more that ends with this step, in the order in which they began; -1 when there is none left. */
  takeFinished(step: number): number {
    const { phase, lastStep } = this.#slots;
    while (this.#finishes.nextKey === step) {
      const slot = this.#finishes.pop();
      if (phase[slot] === Phase.decoding && lastStep[slot] === step) return slot;
    }
    return NONE;
  }
}
