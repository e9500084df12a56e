import type { Blocks } from "../../base/index.js";

const NONE = -1;

/** Idle blocks in the order in which they became idle: O(1) to append, and to take out anywhere. */
export class IdleList {
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  #first = NONE;
  #last = NONE;

  constructor(capacityBlocks: Blocks) {
    this.#previous = new Int32Array(capacityBlocks);
    this.#next = new Int32Array(capacityBlocks);
  }

  /** A block becomes idle: the last of the list. */
  freed(block: number): void {
    const last = this.#last;
    this.#previous[block] = last;
    this.#next[block] = NONE;
    if (last === NONE) this.#first = block;
    else this.#next[last] = block;
    this.#last = block;
  }

  /** Takes a block out. */
  reused(block: number): void {
    const previous = this.#previous[block];
    const next = this.#next[block];
    if (previous === NONE) this.#first = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#last = previous;
    else this.#previous[next] = previous;
  }

  /** Takes out the one that became idle first; -1 when there is none. */
  takeFirst(): number {
    const block = this.#first;
    if (block !== NONE) this.reused(block);
    return block;
  }

  /** Takes out the one that became idle last; -1 when there is none. */
  takeLast(): number {
    const block = this.#last;
    if (block !== NONE) this.reused(block);
    return block;
  }
}
