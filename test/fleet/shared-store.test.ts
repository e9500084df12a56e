import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type EngineRequest,
  type EngineRun,
  engineOptions,
  lowerTiers,
  simulate,
} from "../../lib/engine/index.js";
import { ReuseWatch, type RouterPolicy, routers, runFleet } from "../../lib/fleet/index.js";
import { everyCost as model, unequal } from "../engine/linear-model.js";
import { tieredWorkloads } from "../engine/tiered-workloads.js";
import { withoutTies, workloads } from "../engine/workloads.js";
import { type NaiveJob, naiveDisaggregation } from "./naive-disaggregation.js";
import { NaiveSharedStore } from "./naive-shared-store.js";

/** 1 MiB a token: 1 GiB is 1024 tokens. */
const kvBytesPerToken = 2 ** 20;

const fixed = (requests: readonly EngineRequest[], of: readonly number[]): RouterPolicy => ({
  name: "fixed",
  start: () => ({ route: (request) => of[requests.indexOf(request)]! }),
});

const stores = fc.record({
  blocks: fc.integer({ min: 1, max: 100 }),
  sharedKvGbps: fc.double({ min: 0.05, max: 20, noNaN: true }),
  chunkBlocks: fc.constantFrom(1, 1, 2, 3),
  offloadPromptOnly: fc.boolean(),
  drawn: fc.array(fc.nat(2), { minLength: 24, maxLength: 24 }),
});

const chain = (length: number, from = 0) => Int32Array.from({ length }, (_, k) => from + k);

describe("a store that replicas share", () => {
  it("gives a replica what another one computed", () => {
    const requests = [0, 10_000, 20_000].map((fireAtMs) => ({
      promptTokens: 100,
      outputTokens: 4,
      contentIds: chain(6),
      fireAtMs,
    }));
    const engine = { sharedKvGib: 1, kvBytesPerToken, sharedKvGbps: 10 };
    const apart = runFleet({ requests, model, replicas: 2 });
    expect([...apart.cachedTokens]).toEqual([0, 0, 96]);
    const shared = runFleet({ requests, model, engine, replicas: 2 });
    expect([...shared.cachedTokens]).toEqual([0, 96, 96]);
    expect(shared.kvLoads.map(({ tag, tokens }) => [tag, ...tokens])).toEqual([[1, 96]]);
    // 1 ms, and 96 MiB at 10 GB/s.
    const { beganMs, endMs } = shared.kvLoads[0]!;
    expect(endMs - beganMs).toBeCloseTo(1 + (96 * kvBytesPerToken) / 1e7, 6);
  });

  it("of one engine is a tier of its own, to the last digit", () => {
    let loads = 0;
    fc.assert(
      fc.property(workloads, stores, ({ requests, options }, { blocks, sharedKvGbps }) => {
        const gib = (blocks * options.blockSize) / 1024;
        const disk = { diskKvGib: gib, diskKvGbps: sharedKvGbps };
        const shared = { sharedKvGib: gib, sharedKvGbps };
        const [own, store] = [disk, shared].map((tier) =>
          simulate({
            requests,
            model,
            engine: { ...options, enablePrefixCaching: true, kvBytesPerToken, ...tier },
          }),
        );
        expect([...store!.steps.endMs]).toEqual([...own!.steps.endMs]);
        expect([...store!.cachedTokens]).toEqual([...own!.cachedTokens]);
        expect(store!.kvLoads).toEqual(own!.kvLoads);
        loads += store!.kvLoads.length;
      }),
      { numRuns: 80 },
    );
    expect(loads).toBeGreaterThan(0);
  });

  it("gives what a naive store gives to naive engines, under random load", () => {
    const seen = { loads: 0, fromOthers: 0, preemptions: 0 };
    fc.assert(
      fc.property(workloads, stores, ({ requests: drawnRequests, options }, shape) => {
        const requests = withoutTies(drawnRequests);
        const { drawn, blocks, chunkBlocks, sharedKvGbps, offloadPromptOnly } = shape;
        const replicaOf = requests.map((_, i) => drawn[i % drawn.length]!);
        const engine = engineOptions({
          ...options,
          enablePrefixCaching: true,
          kvChunkTokens: chunkBlocks * options.blockSize,
          sharedKvGib: (blocks * options.blockSize) / 1024,
          kvBytesPerToken,
          sharedKvGbps,
          offloadPromptOnly,
        });
        const [tier] = lowerTiers(engine);
        const chunkTokens = chunkBlocks * options.blockSize;
        const naive = naiveDisaggregation({
          requests,
          decoders: 3,
          prefills: 0,
          options: engine,
          prefillOptions: engine,
          model: unequal(model),
          prefillModel: model,
          link: { tokensPerMs: 1, latencyMs: 1 },
          decoderOf: (index) => replicaOf[index]!,
          prefillOf: () => undefined,
          nonCachedTokens: 0,
          store: new NaiveSharedStore<NaiveJob>(
            Math.floor(tier!.tokens / chunkTokens),
            chunkTokens,
            options.blockSize,
            tier!,
          ),
        });
        const run = runFleet({
          requests,
          model: unequal(model),
          engine,
          replicas: 3,
          router: fixed(requests, replicaOf),
        });
        const alone = runFleet({
          requests,
          model,
          engine: { ...engine, sharedKvGib: 0 },
          replicas: 3,
          router: fixed(requests, replicaOf),
        });
        naive.outcomes.forEach((expected, i) => {
          expect(expected.served).toBe(1);
          expect(run.cachedTokens[i]).toBe(expected.cachedTokens);
          expect(run.fireMs[i]).toBeCloseTo(expected.fireMs, 6);
          expect(run.admittedMs[i]).toBeCloseTo(expected.admittedMs, 6);
          expect(run.firstTokenMs(i)).toBeCloseTo(expected.firstMs, 6);
          expect(run.lastTokenMs(i)).toBeCloseTo(expected.lastMs, 6);
        });
        seen.loads += run.kvLoads.length;
        seen.preemptions += run.preemptions;
        seen.fromOthers += run.prefixHitTokens - alone.prefixHitTokens > 0 ? 1 : 0;
      }),
      { numRuns: 100 },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });

  it("serves each once, gives back all blocks and changes nothing when watched, whatever stops and starts", () => {
    fc.assert(
      fc.property(
        tieredWorkloads,
        stores,
        fc.constantFrom(...Object.keys(routers)),
        fc.nat(300),
        ({ requests, options }, { blocks, sharedKvGbps }, router, stopMs) => {
          const engine = engineOptions({
            ...options,
            sharedKvGib: (blocks * options.blockSize) / 1024,
            kvBytesPerToken,
            sharedKvGbps,
          });
          const watch = new ReuseWatch({ requests, replicas: 2, engine });
          const given = {
            requests,
            model,
            engine,
            replicas: 2,
            router,
            replicaEvents: [
              { atMs: stopMs + 0.137, does: "stop" as const, replica: 1 },
              { atMs: stopMs + 50.731, does: "restart" as const, replica: 1 },
            ],
          };
          const run = runFleet(given) as EngineRun;
          expect(run.heldBlocks).toBe(0);
          requests.forEach(({ outputTokens, promptTokens }, i) => {
            expect(run.outputTokens[i]).toBe(outputTokens);
            expect(run.cachedTokens[i]).toBeLessThan(promptTokens);
          });
          const seen = runFleet({ ...given, watchCache: watch.watchCache });
          expect([...seen.cachedTokens]).toEqual([...run.cachedTokens]);
          expect(seen.kvLoads).toEqual(run.kvLoads);
        },
      ),
      { numRuns: 80 },
    );
  });

  it("is refused where nothing tells the bytes of a token, or KV is kept in slots", () => {
    const run = (engine: object) => () =>
      runFleet({
        requests: [{ promptTokens: 1, outputTokens: 1, contentIds: chain(0), fireAtMs: 0 }],
        model,
        engine,
        replicas: 2,
      });
    expect(run({ sharedKvGib: 1 })).toThrow(/sharedKvGib are in GiB, and nothing tells the bytes of a token/);
    expect(run({ sharedKvGib: 1, kvBytesPerToken, prefixReuse: "slots" })).toThrow(
      /tiers behind vLLM's blocks, and prefixReuse is "slots"/,
    );
  });
});
