import type { Eviction, EvictionPolicy } from "./eviction.js";
import { IdleList } from "./idle-list.js";

/**
 * Least recently used: gives up the block that has been idle for longest. Of a request's blocks the last becomes idle
 * first, so the end of a chain goes before its beginning. vLLM's (`vllm/v1/core/block_pool.py`, its free block queue).
 */
export function lru(): EvictionPolicy {
  return { name: "lru", start: ({ capacityBlocks }) => new LeastRecentlyUsed(capacityBlocks) };
}

class LeastRecentlyUsed extends IdleList implements Eviction {
  victim(): number {
    return this.takeFirst();
  }
}
