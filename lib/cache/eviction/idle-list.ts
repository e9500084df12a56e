import type { Blocks } from "../../base/index.js";

const NONE = -1;

/** Idle blocks in the order in which they became idle: O(1) to append, to take out of the middle, and at both ends. */
export class IdleList {
  /** The one that became idle first; -1 when there is none. */
  head = NONE;
  /** The one that became idle last; -1 when there is none. */
  tail = NONE;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;

  constructor(capacityBlocks: Blocks) {
    this.#previous = new Int32Array(capacityBlocks);
    this.#next = new Int32Array(capacityBlocks);
  }

  append(block: number): void {
    this.#previous[block] = this.tail;
    this.#next[block] = NONE;
    if (this.tail === NONE) this.head = block;
    else this.#next[this.tail] = block;
    this.tail = block;
  }

  remove(block: number): void {
    const previous = this.#previous[block];
    const next = this.#next[block];
    if (previous === NONE) this.head = next;
    else this.#next[previous] = next;
    if (next === NONE) this.tail = previous;
    else this.#previous[next] = previous;
  }
}
