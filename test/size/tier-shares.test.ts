import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accessRuns, type BlockAccess, hitRateCurve } from "../../lib/cache/index.js";
import { type EngineRequest, engineOptions, lowerTiers, simulate } from "../../lib/engine/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { tierUse } from "../../lib/replay/index.js";
import { memoryCurve, servedInTurn, tierShares } from "../../lib/size/index.js";
import { treeAccesses } from "../cache/serial-pool.js";
import { capture } from "./workloads.js";

/** Least recently used first: a Map keeps the order in which keys were put in. */
class Recent {
  readonly held = new Map<number, true>();
  constructor(readonly capacity: number) {}

  use(id: number): void {
    this.held.delete(id);
    this.held.set(id, true);
  }

  shrink(keep: ReadonlySet<number>): void {
    for (const id of this.held.keys()) {
      if (this.held.size <= this.capacity) return;
      if (!keep.has(id)) this.held.delete(id);
    }
  }
}

/**
 * A pool with tiers behind it, as vLLM's offloading connector has them: a request finds its longest run in the pool, goes
 * on from there in the next tier, and so on; it computes the rest; what it computed or loaded is stored in every tier; when
 * it ends, its blocks are the most recent of each, the last of its chain before the first.
 */
function naiveTiers(accesses: readonly BlockAccess[], capacities: readonly number[]): number[] {
  const tiers = capacities.map((capacity) => new Recent(capacity));
  const hits = capacities.map(() => 0);
  for (const { contentIds, promptBlocks } of accesses) {
    let at = 0;
    tiers.forEach(({ held }, tier) => {
      for (; at < promptBlocks && held.has(contentIds[at]!); at++) hits[tier]!++;
    });
    const own = new Set(contentIds);
    for (const tier of tiers) {
      for (const id of [...contentIds].reverse()) tier.use(id);
      tier.shrink(own);
    }
  }
  return hits;
}

describe("tierShares", () => {
  it("is what a pool, CPU memory and a disk of any sizes find, block by block", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 8, max: 30 }),
        fc.integer({ min: 8, max: 60 }),
        fc.integer({ min: 8, max: 90 }),
        (paths, poolTokens, cpuTokens, diskTokens) => {
          const accesses = treeAccesses(paths, 0.8);
          const { hits } = hitRateCurve(accesses);
          expect(tierShares({ lru: hits }, { poolTokens, cpuTokens, diskTokens })).toEqual(
            Object.fromEntries(
              naiveTiers(accesses, [poolTokens, cpuTokens, diskTokens]).map((share, tier) => [
                ["pool", "cpu", "disk"][tier],
                share,
              ]),
            ),
          );
          expect(accessRuns(accesses).count).toBe(paths.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is what the engine finds when requests are far apart, but for what a load leaves old", () => {
    const model = latencyProfile("h200-qwen3-8b");
    const blockSize = 4;
    const sums = { runs: 0, alike: 0, fromDisk: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(40), fc.nat(6), fc.nat(3), fc.integer({ min: 1, max: 3 })), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.integer({ min: 8, max: 30 }),
        fc.integer({ min: 8, max: 60 }),
        fc.integer({ min: 8, max: 90 }),
        (turns, pool, cpu, disk) => {
          // Each goes on from some blocks of an earlier one; answers are new: an engine computes one that it has again, twice held.
          let ids = 0;
          const accesses: BlockAccess[] = [];
          for (const [parent, kept, asked, answered] of turns) {
            const before = [...(accesses[parent % (accesses.length || 1)]?.contentIds ?? [])];
            const prompt = before.slice(0, Math.min(kept, 8 - answered));
            while (asked > prompt.length - kept && prompt.length < 8 - answered) prompt.push(ids++);
            const answer = Array.from({ length: answered }, () => ids++);
            accesses.push({
              contentIds: Int32Array.from([...prompt, ...answer]),
              promptBlocks: prompt.length,
            });
          }
          // A token behind the last prompt block: none is computed that could be found.
          const requests = accesses.map(({ contentIds, promptBlocks }, i): EngineRequest => {
            const promptTokens = promptBlocks * blockSize + 1;
            const outputTokens = contentIds.length * blockSize - promptTokens + 1;
            return { promptTokens, outputTokens, contentIds, fireAtMs: 1e5 * i };
          });
          const engine = engineOptions({
            blockSize,
            kvCacheBlocks: pool,
            cpuKvGib: (cpu * blockSize) / 1024,
            diskKvGib: (disk * blockSize) / 1024,
            kvBytesPerToken: 2 ** 20,
            offloadPromptOnly: false,
          });
          const run = simulate({ requests, model, engine });
          const { poolTokens, lowerTokens } = tierUse(run, lowerTiers(engine), model, 2048);
          const { hits } = hitRateCurve(accesses);
          const shares = tierShares({ lru: hits }, { poolTokens: pool, cpuTokens: cpu, diskTokens: disk });
          const lower = (lowerTokens.cpu! + lowerTokens.disk!) / blockSize;
          expect(poolTokens).toBe(shares.pool * blockSize);
          // A request that loads makes only what it loads and computes the most recent, not what it found in the pool before.
          sums.runs++;
          if (lower === shares.cpu + shares.disk) sums.alike++;
          sums.fromDisk += shares.disk;
        },
      ),
      { numRuns: 300 },
    );
    expect(sums.fromDisk).toBeGreaterThan(0);
    expect(sums.alike).toBeGreaterThan(0.97 * sums.runs);
  });

  it("holds on a capture, where a tier no larger than the pool adds nothing", async () => {
    const served = servedInTurn(await capture());
    const curve = memoryCurve(served);
    for (const [pool, cpu] of [
      [123, 200],
      [150, 150],
      [200, 140],
    ] as const) {
      const shares = tierShares(curve, { poolTokens: pool * 16, cpuTokens: cpu * 16 });
      const [inPool, inCpu] = naiveTiers(served.accesses, [pool, cpu]);
      expect(shares.pool).toBeCloseTo((inPool! * 16) / served.promptTokens, 12);
      expect(shares.cpu).toBeCloseTo((inCpu! * 16) / served.promptTokens, 12);
      if (cpu <= pool) expect(shares.cpu).toBe(0);
    }
  });

  it("refuses a size below 0", () => {
    expect(() => tierShares({ lru: () => 0 }, { poolTokens: 1, cpuTokens: -1 })).toThrow(/cpuTokens/);
  });
});
