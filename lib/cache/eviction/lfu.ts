import { IndexedHeap } from "../../base/index.js";
import type { Eviction, EvictionPolicy } from "./eviction.js";

/**
 * Least frequently used: of the idle blocks, gives up the one whose content was found least often since it was stored;
 * of equals, the one that has been idle for longest. Counts end with the content ("in-cache LFU": Breslau, Cao, Fan,
 * Phillips and Shenker 1999, "Web caching and Zipf-like distributions").
 */
export function lfu(): EvictionPolicy {
  return { name: "lfu", start: ({ capacityBlocks }) => new LeastFrequentlyUsed(capacityBlocks) };
}

class LeastFrequentlyUsed implements Eviction {
  readonly #idle = new IndexedHeap();
  /** By block: how often its content was found. */
  readonly #hits: Float64Array;
  #freed = 0;

  constructor(capacityBlocks: number) {
    this.#hits = new Float64Array(capacityBlocks);
  }

  stored(block: number): void {
    this.#hits[block] = 0;
  }

  hit(block: number): void {
    this.#hits[block]++;
  }

  freed(block: number): void {
    this.#idle.add(block, this.#hits[block], this.#freed++);
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
