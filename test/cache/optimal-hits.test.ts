import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accessRuns, type BlockAccess, evictions, hitRateCurve, optimalHits } from "../../lib/cache/index.js";
import { poolHits, treeAccesses } from "./serial-pool.js";

/**
 * The best there can be, by trying everything: after each request every set of blocks of what was there and what it
 * used may be kept, as long as the next request's chain fits beside what is kept of others.
 */
function bestByTrying(accesses: readonly BlockAccess[], size: number): number {
  let states = new Map<string, number>([["", 0]]);
  for (const { contentIds, promptBlocks } of accesses) {
    const chain = [...contentIds];
    const after = new Map<string, number>();
    for (const [key, hits] of states) {
      const held = key === "" ? [] : key.split(",").map(Number);
      let found = 0;
      while (found < promptBlocks && held.includes(chain[found]!)) found++;
      const others = held.filter((id) => !chain.includes(id));
      for (const kept of subsets(others, size - chain.length))
        for (const own of subsets(chain, chain.length)) {
          const next = [...kept, ...own].sort((a, b) => a - b).join(",");
          after.set(next, Math.max(after.get(next) ?? 0, hits + found));
        }
    }
    states = after;
  }
  return Math.max(...states.values());
}

function subsets(items: readonly number[], most: number): number[][] {
  let sets: number[][] = [[]];
  for (const item of items)
    sets = sets.concat(sets.filter((set) => set.length < most).map((set) => [...set, item]));
  return sets;
}

const smallTraces = fc.array(fc.array(fc.nat(1), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 6,
});

describe("optimalHits", () => {
  it("is what trying every set of kept blocks gives, on small traces, some blocks not looked up", () => {
    fc.assert(
      fc.property(
        smallTraces,
        fc.nat(3),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (paths, spare, share) => {
          const accesses = treeAccesses(paths, share);
          const size = Math.max(...paths.map((path) => path.length)) + spare;
          expect(optimalHits(accessRuns(accesses), [size])).toEqual([bestByTrying(accesses, size)]);
        },
      ),
      { numRuns: Number(process.env.OPTIMUM_RUNS ?? 500) },
    );
  });

  it("is reached by no shipped eviction policy at less, and equals LRU where everything fits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 8, max: 60 }),
        (paths, size) => {
          const accesses = treeAccesses(paths, 0.8);
          const curve = hitRateCurve(accesses);
          const [best, all] = optimalHits(accessRuns(accesses), [size, 1e6]);
          for (const policy of Object.values(evictions))
            expect(poolHits(accesses, size, policy())).toBeLessThanOrEqual(best!);
          expect(all).toBe(curve.hits(curve.saturationBlocks));
        },
      ),
      { numRuns: 100 },
    );
  });

  it("refuses a pool in which the longest request has no room", () => {
    const runs = accessRuns([{ contentIds: Int32Array.of(0, 1, 2), promptBlocks: 3 }]);
    expect(() => optimalHits(runs, [2])).toThrow(/pool of 2 blocks.*needs 3/);
  });
});
