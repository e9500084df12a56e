import { describe, expect, it } from "vitest";
import { stream } from "../../../lib/base/index.js";
import { BlockPool, type EvictionPolicy, evictions } from "../../../lib/cache/index.js";
import { treeAccesses } from "../serial-pool.js";

/** Serves a chain alone: what is found from its start on, then blocks for the rest. */
function serve(pool: BlockPool, contentIds: Int32Array): void {
  const blocks = new Int32Array(contentIds.length);
  let found = 0;
  for (; found < contentIds.length; found++) {
    const block = pool.find(contentIds[found]!);
    if (block < 0) break;
    blocks[found] = block;
  }
  pool.acquireAll(blocks, found);
  pool.allocateInto(blocks, found, contentIds.length - found);
  pool.registerRange(blocks, contentIds, found, contentIds.length);
  pool.release(blocks, contentIds.length);
}

/** In how many of 500 random traces a pool loses something that one with a block less still has. */
function tracesThatLose(policy: () => EvictionPolicy): number {
  let losing = 0;
  for (let seed = 0; seed < 500; seed++) {
    const random = stream(seed, "inclusion");
    const paths = Array.from({ length: 40 }, () =>
      Array.from({ length: 1 + random.integer(5) }, () => random.integer(3)),
    );
    const chains = treeAccesses(paths, 1).map(({ contentIds }) => contentIds);
    const blocks = 6 + random.integer(14);
    const [smaller, larger] = [blocks, blocks + 1].map((size) => new BlockPool(size, undefined, policy()));
    const ids = [...new Set(chains.flatMap((chain) => [...chain]))];
    const isLost = chains.some((chain) => {
      serve(smaller!, chain);
      serve(larger!, chain);
      return ids.some((id) => smaller!.find(id) >= 0 && larger!.find(id) < 0);
    });
    if (isLost) losing++;
  }
  return losing;
}

describe("a larger pool has all that a smaller one has", () => {
  it("with the least recently used block given up first", () => {
    expect(tracesThatLose(evictions.lru!)).toBe(0);
  });

  it.each(Object.keys(evictions).filter((name) => name !== "lru"))(
    "not always with %s, so that its hits at all sizes are not to be had in one pass",
    (name) => {
      expect(tracesThatLose(evictions[name]!)).toBeGreaterThan(0);
    },
  );
});
