import type { Blocks } from "../base/index.js";
import type { BlockAccess } from "./access-runs.js";
import { BlockPool } from "./block-pool.js";
import type { EvictionPolicy } from "./eviction/eviction.js";

/**
 * Lookups that hit in one pool of one size under one eviction policy, where requests are served one after another: each
 * finds its longest leading run, takes blocks for the rest of its chain, and gives all of them back.
 * @throws InvariantError when a request has more blocks than the pool
 * @example
 * ```ts
 * import { fifo, serialHits } from "prefixlab/cache";
 * const chain = Int32Array.of(0, 1, 2);
 * serialHits([{ contentIds: chain, promptBlocks: 3 }, { contentIds: chain, promptBlocks: 3 }], 3, fifo()); // → 3
 * ```
 */
export function serialHits(
  accesses: Iterable<BlockAccess>,
  poolBlocks: Blocks,
  policy?: EvictionPolicy,
): number {
  const pool = new BlockPool(poolBlocks, undefined, policy);
  let blocks: Int32Array = new Int32Array(64);
  let hits = 0;
  for (const { contentIds, promptBlocks } of accesses) {
    const count = contentIds.length;
    if (count > blocks.length) blocks = new Int32Array(2 * count);
    let found = 0;
    for (; found < count; found++) {
      const block = pool.find(contentIds[found]);
      if (block < 0) break;
      blocks[found] = block;
    }
    hits += Math.min(found, promptBlocks);
    pool.acquireAll(blocks, found);
    pool.allocateInto(blocks, found, count - found);
    pool.registerRange(blocks, contentIds, found, count);
    pool.release(blocks, count);
  }
  return hits;
}
