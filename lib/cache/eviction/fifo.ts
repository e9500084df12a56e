import { IndexedHeap } from "../../base/index.js";
import type { Eviction, EvictionPolicy } from "./eviction.js";

/**
 * First in, first out: of the idle blocks, gives up the one whose content was stored first, however often and lately it
 * was found (Belady 1966, "A study of replacement algorithms for a virtual-storage computer").
 */
export function fifo(): EvictionPolicy {
  return { name: "fifo", start: ({ capacityBlocks }) => new FirstInFirstOut(capacityBlocks) };
}

class FirstInFirstOut implements Eviction {
  readonly #idle = new IndexedHeap();
  /** By block: when its content was stored, in stored blocks. */
  readonly #storedAt: Float64Array;
  #stored = 0;

  constructor(capacityBlocks: number) {
    this.#storedAt = new Float64Array(capacityBlocks);
  }

  stored(block: number): void {
    this.#storedAt[block] = this.#stored++;
  }

  freed(block: number): void {
    this.#idle.add(block, this.#storedAt[block], 0);
  }

  reused(block: number): void {
    this.#idle.remove(block);
  }

  victim(): number {
    const block = this.#idle.first;
    this.#idle.remove(block);
    return block;
  }
}
