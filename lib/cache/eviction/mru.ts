import type { Eviction, EvictionPolicy } from "./eviction.js";
import { IdleList } from "./idle-list.js";

/**
 * Most recently used: gives up the block that became idle last. The best there is for a cycle that is longer than the
 * pool (Chou and DeWitt 1985, "An evaluation of buffer management strategies for relational database systems").
 */
export function mru(): EvictionPolicy {
  return { name: "mru", start: ({ capacityBlocks }) => new MostRecentlyUsed(capacityBlocks) };
}

class MostRecentlyUsed extends IdleList implements Eviction {
  victim(): number {
    return this.takeLast();
  }
}
