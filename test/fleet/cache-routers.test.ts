import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import type { EngineRequest } from "../../lib/engine/index.js";
import { CacheIndex } from "../../lib/fleet/cache-index.js";
import { kvCost, precisePrefix, type RouterPolicy, runFleet, weighted } from "../../lib/fleet/index.js";
import { everyCost as model } from "../engine/linear-model.js";
import { workloads } from "../engine/workloads.js";
import { promptOf, routerOver } from "./told-replica.js";

/** Chains as prefixes have them: block k of a path is named by all of the path to it. */
const path = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 });
const chainOf = (bits: readonly number[]) =>
  bits.map((_, k) => bits.slice(0, k + 1).reduce((id, bit) => 3 * id + bit + 1, 0));
const leading = (chain: readonly number[], held: ReadonlySet<number>) => {
  const lacking = chain.findIndex((id) => !held.has(id));
  return lacking < 0 ? chain.length : lacking;
};

describe("an index of cache events", () => {
  it("has what the caches of idle replicas hold", () => {
    let compared = 0;
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        if (options.prefixReuse === "slots") return;
        const watching: RouterPolicy = {
          name: "watching",
          start: ({ replicas: { length: count }, blockSizeTokens, random, listenToCaches }) => {
            const index = new CacheIndex(count, { delayMs: 0, loss: 0, random });
            listenToCaches(index);
            const depths = new Int32Array(count);
            return {
              route: (request, replicas, nowMs) => {
                const findable = Math.floor((request.promptTokens - 1) / blockSizeTokens);
                index.depths(request.contentIds, findable, nowMs, depths);
                replicas.forEach((replica, i) => {
                  if (replica.running > 0 || replica.waiting > 0) return;
                  compared += replica.cachedTokens(request);
                  expect(depths[i]! * blockSizeTokens).toBe(replica.cachedTokens(request));
                });
                return random.integer(count);
              },
            };
          },
        };
        runFleet({ requests, model, engine: options, replicas: 3, router: watching });
      }),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  it("knows of events late, and of some never", () => {
    const found = (index: CacheIndex, nowMs: number) => {
      const depths = new Int32Array(1);
      index.depths(Int32Array.of(1, 2), 2, nowMs, depths);
      return depths[0];
    };
    const late = new CacheIndex(1, { delayMs: 10, loss: 0, random: stream(1, "loss") });
    late.stored(0, 1, 100);
    late.stored(0, 2, 100);
    late.evicted(0, 2, 105);
    expect([109, 110, 114, 115].map((nowMs) => found(late, nowMs))).toEqual([0, 2, 2, 1]);
    const deaf = new CacheIndex(1, { delayMs: 0, loss: 1, random: stream(1, "loss") });
    deaf.stored(0, 1, 100);
    expect(found(deaf, 200)).toBe(0);
    late.forget(0);
    expect(found(late, 300)).toBe(0);
  });
});

describe("kv-cost", () => {
  it("takes one of the cheapest by Dynamo's formula, worked out the long way", () => {
    const turn = fc.record({ path, stores: fc.nat(2), ends: fc.nat(2) });
    fc.assert(
      fc.property(
        fc.array(turn, { minLength: 1, maxLength: 50 }),
        fc.constantFrom(0, 1, 3),
        fc.constantFrom(0, 0.5, 1),
        (turns, prefillWeight, overlapCredit) => {
          const { routing, cache } = routerOver(kvCost({ prefillWeight, overlapCredit }), 3);
          const held = [0, 1, 2].map(() => new Set<number>());
          let there: { request: EngineRequest; replica: number; own: number; hasToken: boolean }[] = [];
          turns.forEach(({ path: bits, stores, ends }, i) => {
            const chain = chainOf(bits);
            const request = promptOf(chain);
            const costs = held.map((blocks, replica) => {
              const here = there.filter((one) => one.replica === replica);
              const queued = here.reduce((sum, { own, hasToken }) => sum + (hasToken ? 0 : own), 0);
              const active = new Set(here.flatMap((one) => [...one.request.contentIds]));
              for (const id of chain) active.add(id);
              const toCompute = (queued + request.promptTokens) / 16 - overlapCredit * leading(chain, blocks);
              return prefillWeight * Math.max(0, toCompute) + active.size;
            });
            const replica = routing.route(request, i);
            expect(costs[replica]).toBeCloseTo(Math.min(...costs), 9);
            const own = request.promptTokens - 16 * leading(chain, held[replica]!);
            there.push({ request, replica, own, hasToken: false });
            for (const id of chain.slice(0, stores)) {
              held[replica]!.add(id);
              cache().stored(replica, id, i);
            }
            there.slice(0, ends).forEach((one, k) => {
              routing.firstToken(one.request, one.replica, i);
              one.hasToken = true;
              if (k > 0) routing.ended(one.request, one.replica, i);
            });
            there = there.filter((_, k) => k === 0 || k >= ends);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("draws by a softmax over costs scaled to their range where it has a temperature", () => {
    const { routing } = routerOver(kvCost({ temperature: 0.5 }), 2);
    const counts = [0, 0];
    // With three blocks at one of the two, costs differ by 3 active and 3 queued ones.
    for (let i = 0; i < 4000; i++) {
      const first = promptOf([1, 2, 3]);
      const second = promptOf([7]);
      const at = routing.route(first, i);
      const replica = routing.route(second, i);
      counts[replica === at ? 1 : 0]!++;
      routing.ended(first, at, i);
      routing.ended(second, replica, i);
    }
    expect(counts[1]! / 4000).toBeCloseTo(Math.exp(-2) / (1 + Math.exp(-2)), 1);
  });
});

describe("weighted scores", () => {
  const loads = fc.array(fc.tuple(fc.nat(9), fc.nat(100)), { minLength: 3, maxLength: 3 });

  it("add up prefix, queue and KV use, worked out the long way", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(path, loads), { minLength: 1, maxLength: 40 }),
        fc.constantFrom([3, 2, 2], [1, 0, 0], [0, 1, 0], [2, 1, 1]),
        fc.boolean(),
        (turns, [prefix, queue, kvUse], isPrecise) => {
          const weights = { prefix: prefix!, queue: queue!, kvUse: kvUse!, refreshMs: 0 };
          const { routing, replicas, cache } = routerOver(
            isPrecise ? precisePrefix(weights) : weighted(weights),
            3,
          );
          const known = [0, 1, 2].map(() => new Set<number>());
          turns.forEach(([bits, told], i) => {
            const chain = chainOf(bits);
            for (const [k, [waiting, freeBlocks]] of told.entries())
              Object.assign(replicas[k]!, { waiting, freeBlocks });
            const depths = known.map((blocks) => leading(chain, blocks));
            const some = depths.filter((depth) => depth > 0);
            const [low, high] = [Math.min(...some), Math.max(...some)];
            const waits = told.map(([waiting]) => waiting);
            const [shortest, longest] = [Math.min(...waits), Math.max(...waits)];
            const sums = told.map(([waiting, free], k) => {
              const precise = depths[k] === 0 ? 0 : low === high ? 1 : (depths[k]! - low) / (high - low);
              return (
                weights.prefix * (isPrecise ? precise : depths[k]! / chain.length) +
                weights.queue * (longest === shortest ? 1 : (longest - waiting) / (longest - shortest)) +
                weights.kvUse * (free / 100)
              );
            });
            const replica = routing.route(promptOf(chain), i);
            expect(sums[replica]).toBeCloseTo(Math.max(...sums), 9);
            for (const id of chain) {
              known[replica]!.add(id);
              if (isPrecise) cache().stored(replica, id, i);
            }
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are of the engines' load as it was when they were last asked", () => {
    const { routing, replicas } = routerOver(weighted({ prefix: 0, kvUse: 0, refreshMs: 50 }), 2);
    const told = (first: number, second: number, nowMs: number) => {
      replicas[0]!.waiting = first;
      replicas[1]!.waiting = second;
      return routing.route(promptOf([nowMs]), nowMs);
    };
    expect([told(0, 5, 0), told(5, 0, 20), told(5, 0, 49), told(5, 0, 50)]).toEqual([0, 0, 0, 1]);
  });

  it("suppose a prompt to be held where it was sent, for as long as they are told to", () => {
    const { routing, replicas } = routerOver(
      precisePrefix({ queue: 1, kvUse: 0, prefix: 3, refreshMs: 0, speculativeS: 2 }),
      2,
    );
    replicas[1]!.waiting = 1;
    expect(routing.route(promptOf([1, 2]), 0)).toBe(0);
    replicas[0]!.waiting = 2;
    expect(routing.route(promptOf([1, 2]), 1000)).toBe(0);
    // Both suppositions are over.
    expect(routing.route(promptOf([1, 2]), 3000)).toBe(1);
  });

  it("remember what was sent last", () => {
    const { routing, replicas } = routerOver(
      weighted({ queue: 1, kvUse: 0, prefix: 3, refreshMs: 0, rememberedBlocks: 8 }),
      2,
    );
    const send = (ids: number[], waiting: [number, number]) => {
      for (const [i, replica] of replicas.entries()) replica.waiting = waiting[i]!;
      return routing.route(promptOf(ids), 0);
    };
    expect(send([1, 2, 3, 4], [0, 1])).toBe(0);
    expect(send([1, 2, 3, 4], [1, 0])).toBe(0);
    // Eleven blocks are more than are kept: of these, the first prompt's are gone.
    expect(send([11, 12, 13, 14, 15, 16, 17], [0, 1])).toBe(0);
    expect(send([1, 2, 3, 4], [1, 0])).toBe(1);
  });
});
