import type { Blocks } from "../../base/index.js";

const NONE = -1;

/** Idle blocks in the order in which they became idle: O(1) to append, and to take out anywhere. */
export class IdleList {
  /** A ring: one place more than there are blocks stands behind the last and before the first. */
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #end: number;

  constructor(capacityBlocks: Blocks) {
    this.#end = capacityBlocks;
    this.#previous = new Int32Array(capacityBlocks + 1);
    this.#next = new Int32Array(capacityBlocks + 1);
    this.#previous[capacityBlocks] = capacityBlocks;
    this.#next[capacityBlocks] = capacityBlocks;
  }

  /** A block becomes idle: the last of the list. */
  freed(block: number): void {
    const end = this.#end;
    const last = this.#previous[end];
    this.#previous[block] = last;
    this.#next[block] = end;
    this.#next[last] = block;
    this.#previous[end] = block;
  }

  /** Takes a block out. */
  reused(block: number): void {
    const previous = this.#previous[block];
    const next = this.#next[block];
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  /** Takes out the one that became idle first; -1 when there is none. */
  takeFirst(): number {
    return this.#take(this.#next[this.#end]);
  }

  /** Takes out the one that became idle last; -1 when there is none. */
  takeLast(): number {
    return this.#take(this.#previous[this.#end]);
  }

  #take(block: number): number {
    if (block === this.#end) return NONE;
    this.reused(block);
    return block;
  }
}
