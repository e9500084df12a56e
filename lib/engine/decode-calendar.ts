import type { Tokens } from "../base/index.js";
import { type RequestSlots, SlotList } from "./request-slots.js";

/**
 * Which decoding requests fill a block in which step. A decode fills one every `blockSize` steps, so a calendar of that
 * many lists, used round and round, names them without looking at the others. Each list is in order of admission, as the
 * scheduler goes through its running requests: of two with the same content, the first one's block is found first.
 */
export class DecodeCalendar {
  readonly #slots: RequestSlots;
  readonly #lists: readonly SlotList[];

  constructor(slots: RequestSlots, blockSize: Tokens) {
    this.#slots = slots;
    this.#lists = Array.from({ length: blockSize }, () => new SlotList());
  }

  /** Decodes that begin a new block in this step: those that filled one in the step before. */
  beginning(step: number): SlotList {
    const lists = this.#lists;
    return lists[(step + lists.length - 1) % lists.length];
  }

  /** Decodes whose token of this step is the last of a block. */
  filling(step: number): SlotList {
    return this.#lists[step % this.#lists.length];
  }

  /** Enters a decode by its slot's `firstStep` and `computedTokens`, which must stay until it is removed. */
  add(slot: number): void {
    const { boundaryPrevious, boundaryNext, admission } = this.#slots;
    this.#listOf(slot).insert(slot, boundaryPrevious, boundaryNext, admission);
  }

  remove(slot: number): void {
    this.#listOf(slot).remove(slot, this.#slots.boundaryPrevious, this.#slots.boundaryNext);
  }

  /** It fills a block in the steps s with (computed + s - firstStep) divisible by the block size. */
  #listOf(slot: number): SlotList {
    const blockSize = this.#lists.length;
    const offset = (this.#slots.firstStep[slot] - this.#slots.computedTokens[slot]) % blockSize;
    return this.#lists[offset < 0 ? offset + blockSize : offset];
  }
}
