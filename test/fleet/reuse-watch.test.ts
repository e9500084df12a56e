import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockCache } from "../../lib/cache/index.js";
import { type EngineOptions, type EngineRequest, engineOptions } from "../../lib/engine/index.js";
import { ReuseWatch, type RouterPolicy, runFleet } from "../../lib/fleet/index.js";
import { everyCost as model } from "../engine/linear-model.js";
import { tieredWorkloads } from "../engine/tiered-workloads.js";
import { workloads } from "../engine/workloads.js";

const fixed = (requests: readonly EngineRequest[], of: readonly number[]): RouterPolicy => ({
  name: "fixed",
  start: () => ({ route: (request) => of[requests.indexOf(request) % of.length] }),
});

function watched(
  requests: readonly EngineRequest[],
  engine: EngineOptions,
  replicas: number,
  replicaOf: readonly number[],
) {
  const watch = new ReuseWatch({ requests, replicas, engine });
  const options = { requests, model, engine, replicas, router: fixed(requests, replicaOf) };
  const run = runFleet({ ...options, watchCache: watch.watchCache });
  return { run, reuse: watch.reuse(run), unwatched: () => runFleet(options) };
}

/** One request after another: what each finds in the pool that is its own by `poolOf`. */
function foundInTurn(
  requests: readonly EngineRequest[],
  { blockSize, enablePrefixCaching }: EngineOptions,
  capacityBlocks: number,
  poolOf: (index: number) => number,
): number[] {
  const pools = new Map<number, BlockCache>();
  return requests.map(({ promptTokens, outputTokens, contentIds }, i) => {
    const pool = pools.get(poolOf(i)) ?? new BlockCache({ blockSize, capacityBlocks, enablePrefixCaching });
    pools.set(poolOf(i), pool);
    const found = pool.cachedTokens(contentIds, promptTokens);
    pool.enter(0, contentIds, promptTokens + outputTokens);
    pool.fit(0, promptTokens, promptTokens, true);
    pool.admit(0);
    pool.grow(0, promptTokens + outputTokens - 1);
    pool.publish(0, promptTokens + outputTokens - 1);
    pool.release(0);
    return found;
  });
}

const assignments = fc.array(fc.nat(2), { minLength: 24, maxLength: 24 });

describe("sides of a fleet's reuse", () => {
  it("are what was offered, routed, delivered and pooled, on an example", () => {
    const chain = (...ids: number[]) => Int32Array.from(ids);
    const at = (contentIds: Int32Array, fireAtMs: number) => ({
      promptTokens: 4 * contentIds.length - 3,
      outputTokens: 1,
      contentIds: contentIds.slice(0, -1),
      fireAtMs,
    });
    const requests = [
      at(chain(0, 1, 2), 0),
      at(chain(0, 1, 3), 10_000), // elsewhere
      at(chain(4, 5, 6), 20_000), // takes the blocks of the first
      at(chain(0, 1, 2), 30_000), // evicted
    ];
    const engine = engineOptions({ blockSize: 4, kvCacheBlocks: 3 });
    const { reuse } = watched(requests, engine, 2, [0, 1, 0, 0]);
    const { byRequest } = reuse;
    expect([...byRequest.offered]).toEqual([0, 8, 0, 8]);
    expect([...byRequest.routed]).toEqual([0, 0, 0, 8]);
    expect([...byRequest.delivered]).toEqual([0, 0, 0, 0]);
    expect([...(byRequest.pooled ?? [])]).toEqual([0, 8, 0, 8]);
    expect(reuse).toMatchObject({ promptTokens: 36, offeredTokens: 16, routedTokens: 8, deliveredTokens: 0 });
  });

  it("fall from offered to routed to delivered for every request, and watching changes nothing", () => {
    const lost = { toRouting: 0, toEviction: 0 };
    fc.assert(
      fc.property(
        workloads,
        assignments,
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom("lru", "fifo", "lfu"),
        ({ requests, options }, drawn, replicas, eviction) => {
          const replicaOf = drawn.map((replica) => replica % replicas);
          const { run, reuse, unwatched } = watched(requests, { ...options, eviction }, replicas, replicaOf);
          const plain = unwatched();
          for (const column of ["fireMs", "admittedMs", "cachedTokens", "outputTokens", "replica"] as const)
            expect([...run[column]]).toEqual([...plain[column]]);
          const { offered, routed, delivered, pooled } = reuse.byRequest;
          delivered.forEach((tokens, i) => {
            expect(routed[i]).toBeGreaterThanOrEqual(tokens);
            expect(offered[i]).toBeGreaterThanOrEqual(routed[i]);
            expect(offered[i]).toBeGreaterThanOrEqual(pooled?.[i] ?? 0);
          });
          if (replicas === 1) {
            expect(routed).toEqual(offered);
            expect(pooled).toEqual(delivered);
          }
          lost.toRouting += reuse.offeredTokens - reuse.routedTokens;
          lost.toEviction += reuse.routedTokens - reuse.deliveredTokens;
        },
      ),
      { numRuns: 300 },
    );
    expect(lost.toRouting).toBeGreaterThan(0);
    expect(lost.toEviction).toBeGreaterThan(0);
  });

  it("are all that a pool that holds everything gives, where pools do", () => {
    fc.assert(
      fc.property(workloads, assignments, ({ requests, options }, drawn) => {
        const engine = { ...options, kvCacheBlocks: 10_000 };
        const { offered, routed, delivered, pooled } = watched(requests, engine, 3, drawn).reuse.byRequest;
        expect(delivered).toEqual(routed);
        expect(pooled).toEqual(offered);
      }),
      { numRuns: 100 },
    );
  });

  it("are those of pools that serve one request after another, where requests come far apart", () => {
    fc.assert(
      fc.property(workloads, assignments, ({ requests, options }, drawn) => {
        const apart = requests.map(({ after: _, ...shape }, i) => ({ ...shape, fireAtMs: 100_000 * i }));
        const { kvCacheBlocks } = options;
        const { byRequest } = watched(apart, options, 3, drawn).reuse;
        const own = (i: number) => drawn[i % drawn.length];
        const expected = {
          offered: foundInTurn(apart, options, 100_000, () => 0),
          routed: foundInTurn(apart, options, 100_000, own),
          delivered: foundInTurn(apart, options, kvCacheBlocks, own),
          pooled: foundInTurn(apart, options, 3 * kvCacheBlocks, () => 0),
        };
        for (const side of ["offered", "routed", "delivered", "pooled"] as const)
          expect([...(byRequest[side] ?? [])], side).toEqual(expected[side]);
      }),
      { numRuns: 150 },
    );
  });

  it("leave out what a preempted request finds of its own", () => {
    const contentIds = (from: number) => Int32Array.from({ length: 8 }, (_, k) => from + k);
    const requests = [0, 100].map((from) => ({
      promptTokens: 16,
      outputTokens: 16,
      contentIds: contentIds(from),
      fireAtMs: 0,
    }));
    const { run, reuse } = watched(requests, engineOptions({ blockSize: 4, kvCacheBlocks: 10 }), 1, [0]);
    expect(run.preemptions).toBeGreaterThan(0);
    expect([reuse.offeredTokens, reuse.deliveredTokens]).toEqual([0, 0]);
  });

  it("change nothing where tiers are behind the pools, whatever these store and load", () => {
    let loads = 0;
    fc.assert(
      fc.property(tieredWorkloads, assignments, ({ requests, options }, drawn) => {
        const { run, reuse, unwatched } = watched(
          requests,
          options,
          2,
          drawn.map((replica) => replica % 2),
        );
        const plain = unwatched();
        for (const column of ["fireMs", "admittedMs", "cachedTokens", "outputTokens", "replica"] as const)
          expect([...run[column]]).toEqual([...plain[column]]);
        expect(run.kvLoads).toEqual(plain.kvLoads);
        const { offered, routed, delivered } = reuse.byRequest;
        delivered.forEach((tokens, i) => {
          expect(routed[i]).toBeGreaterThanOrEqual(tokens);
          expect(offered[i]).toBeGreaterThanOrEqual(routed[i]);
        });
        loads += run.kvLoads.length;
      }),
      { numRuns: 100 },
    );
    expect(loads).toBeGreaterThan(20);
  });

  it("have no common pool where replicas have seats or tiers, and still fall", () => {
    const chain = Int32Array.from({ length: 8 }, (_, k) => k);
    const requests = [0, 1, 2, 3].map((i) => ({
      promptTokens: 30,
      outputTokens: 2,
      contentIds: chain,
      fireAtMs: 10_000 * i,
    }));
    for (const more of [
      { prefixReuse: "slots" as const, maxNumSeqs: 2 },
      { cpuKvGib: 1, kvBytesPerToken: 1024 },
    ]) {
      const engine = engineOptions({ blockSize: 4, kvCacheBlocks: 20, ...more });
      const { reuse } = watched(requests, engine, 2, [0, 1, 0, 1]);
      expect(reuse.pooledTokens).toBeUndefined();
      expect([...reuse.byRequest.routed]).toEqual([...reuse.byRequest.delivered]);
      expect(reuse.offeredTokens).toBeGreaterThan(reuse.routedTokens);
    }
  });
});
