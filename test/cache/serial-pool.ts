import { type BlockAccess, BlockPool, type EvictionPolicy } from "../../lib/cache/index.js";

/** Hits of one pool of one size, by running every request through it, one after another. */
export function poolHits(
  accesses: readonly BlockAccess[],
  capacity: number,
  policy?: EvictionPolicy,
): number {
  const pool = new BlockPool(capacity, undefined, policy);
  let hits = 0;
  for (const { contentIds, promptBlocks } of accesses) {
    const blocks: number[] = [];
    let leading = true;
    for (let i = 0; i < contentIds.length; i++) {
      const found = leading ? pool.find(contentIds[i]!) : -1;
      if (found < 0) leading = false;
      else {
        pool.acquire(found);
        blocks.push(found);
        if (i < promptBlocks) hits++;
      }
    }
    for (let i = blocks.length; i < contentIds.length; i++) {
      const block = pool.allocate();
      pool.register(block, contentIds[i]!);
      blocks.push(block);
    }
    pool.release(Int32Array.from(blocks), blocks.length);
  }
  return hits;
}

/** Chains that branch: content ids are nodes of a tree, so equal ids mean equal prefixes. */
export function treeAccesses(paths: readonly (readonly number[])[], promptShare: number): BlockAccess[] {
  const nodes = new Map<string, number>();
  return paths.map((path) => {
    let key = "";
    const contentIds = Int32Array.from(path, (choice) => {
      key += `/${choice}`;
      if (!nodes.has(key)) nodes.set(key, nodes.size);
      return nodes.get(key)!;
    });
    return { contentIds, promptBlocks: Math.ceil(path.length * promptShare) };
  });
}
