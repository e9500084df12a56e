import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TieredCache } from "../../lib/cache/index.js";
import {
  createEngine,
  type EngineRequest,
  engineOptions,
  lowerTiers,
  simulate,
} from "../../lib/engine/index.js";
import { linearModel, everyCost as model } from "./linear-model.js";
import { naiveEngine } from "./naive-engine.js";
import { naiveTiersOf, tieredWorkloads, tiersOf } from "./tiered-workloads.js";

describe("an engine with tiers behind its pool", () => {
  it("gives the same steps, tokens, hits and preemptions as the naive loop on random workloads", () => {
    let loads = 0;
    fc.assert(
      fc.property(tieredWorkloads, ({ requests, options }) => {
        const run = simulate({ requests, model, engine: options });
        const naive = naiveEngine(requests, options, model.timer(0), undefined, naiveTiersOf(options));
        loads += run.kvLoads.length;
        expect([...run.cachedTokens]).toEqual(naive.cachedTokens);
        expect([...run.firstStep]).toEqual(naive.firstStep);
        expect([...run.lastStep]).toEqual(naive.lastStep);
        expect(run.preemptions).toBe(naive.preemptions);
        expect(run.steps.endMs.length).toBe(naive.stepEndMs.length);
        run.steps.endMs.forEach((ms, i) => {
          expect(ms).toBeCloseTo(naive.stepEndMs[i] as number, 6);
        });
      }),
      { numRuns: 2000 },
    );
    expect(loads, "requests that load").toBeGreaterThan(500);
  });

  it("serves everybody in whole, whatever the ordering, scheduler and clients' patience, and holds nothing at the end", () => {
    fc.assert(
      fc.property(
        tieredWorkloads,
        fc.record({
          asyncScheduling: fc.boolean(),
          schedulingPolicy: fc.constantFrom("fcfs", "priority"),
          requestTimeoutMs: fc.option(fc.integer({ min: 1, max: 400 }), { nil: Number.POSITIVE_INFINITY }),
          priorities: fc.array(fc.nat(3), { minLength: 1 }),
        }),
        ({ requests, options }, { priorities, requestTimeoutMs, ...policies }) => {
          const given = {
            requests: requests.map(
              (request, i): EngineRequest => ({ ...request, priority: priorities[i % priorities.length]! }),
            ),
            model,
            engine: { ...options, ...policies },
            requestTimeoutMs,
          };
          const run = simulate(given);
          expect(run.heldBlocks).toBe(0);
          requests.forEach(({ outputTokens, promptTokens }, i) => {
            if (run.timedOutMs(i) === undefined) expect(run.outputTokens[i]).toBe(outputTokens);
            expect(run.cachedTokens[i]!).toBeLessThan(promptTokens);
          });
          // Each load is over before its request runs, and takes at least its time on each link.
          const tiers = lowerTiers(given.engine);
          for (const { tag, tokens, beganMs, endMs, isAgain } of run.kvLoads) {
            if (!isAgain && run.admittedMs[tag]! >= 0)
              expect(run.admittedMs[tag]!).toBeGreaterThanOrEqual(endMs);
            expect(beganMs).toBeGreaterThanOrEqual(run.fireMs[tag]!);
            const atLeastMs = tiers.reduce((sum, { tokensPerMs }, k) => sum + tokens[k]! / tokensPerMs, 0);
            expect(endMs - beganMs).toBeGreaterThan(atLeastMs - 1e-6);
          }
          const again = simulate(given);
          expect([...again.steps.endMs]).toEqual([...run.steps.endMs]);
          expect(again.kvLoads).toEqual(run.kvLoads);
        },
      ),
      { numRuns: 700 },
    );
  });

  it("conserves the chunks of every tier, step by step, and pins them while they are loaded or stored only", () => {
    fc.assert(
      fc.property(tieredWorkloads, ({ requests, options }) => {
        const core = createEngine(options, model.timer(0));
        const tiers = (core.cache as Partial<TieredCache>).tiers ?? [];
        requests.forEach((request, tag) => {
          core.submit(request, tag);
        });
        let nowMs = 0;
        while (!core.isIdle || core.nextLoadMs < Number.POSITIVE_INFINITY) {
          if (core.isIdle) nowMs = Math.max(nowMs, core.nextLoadMs);
          core.finishLoads(nowMs);
          const stepMs = core.beginStep(nowMs);
          for (const { heldChunks, pinnedChunks, capacityChunks } of tiers) {
            expect(heldChunks).toBeLessThanOrEqual(capacityChunks);
            expect(pinnedChunks).toBeLessThanOrEqual(heldChunks);
            if (core.nextLoadMs === Number.POSITIVE_INFINITY && !core.cache.isWriting)
              expect(pinnedChunks).toBe(0);
          }
          if (stepMs === undefined) continue;
          core.endStep();
          core.dropFinished();
          nowMs += stepMs;
        }
        expect(core.cache.freeBlocks).toBe(core.cache.capacityBlocks);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a load from CPU memory", () => {
  const ids = (first: number, blocks: number) => Int32Array.from({ length: blocks }, (_, b) => first + b);
  /** A pool of 8 blocks of 4 tokens, 1 ms a token computed, and a link of 2 tokens/ms. */
  const engine = engineOptions({
    blockSize: 4,
    kvCacheBlocks: 8,
    ...tiersOf(400, 0),
    cpuKvGbps: 2 * 1.048576,
  });
  const timed = linearModel({ base: 1, prefill: 1 });
  /** A prompt, another that pushes it out of the pool, and the first one again. */
  const [first, other] = [
    { promptTokens: 29, outputTokens: 1, contentIds: ids(0, 7), fireAtMs: 0 },
    { promptTokens: 29, outputTokens: 1, contentIds: ids(100, 7), fireAtMs: 100 },
  ];

  it("takes the link's time and a latency beside the steps, and then computes the rest", () => {
    const run = simulate({ requests: [first, other, { ...first, fireAtMs: 200 }], model: timed, engine });
    const [load] = run.kvLoads;
    expect(run.kvLoads.length).toBe(1);
    expect(load!.tokens).toEqual([load!.tokens[0]]);
    expect(run.cachedTokens[2]).toBe(28);
    expect(load!.depthTokens + load!.tokens[0]!).toBe(28);
    expect(load!.endMs).toBeCloseTo(200 + 0.1 + load!.tokens[0]! / 2, 9);
    // One token is left to compute.
    expect(run.firstTokenMs(2)! - load!.endMs).toBeCloseTo(2, 9);
  });

  it("of a whole prompt leaves its last token to compute", () => {
    const aligned = { ...first, promptTokens: 28, outputTokens: 1 };
    const run = simulate({ requests: [aligned, other, { ...aligned, fireAtMs: 200 }], model: timed, engine });
    const [{ depthTokens, tokens }] = run.kvLoads as [(typeof run.kvLoads)[0]];
    expect(depthTokens + tokens[0]!).toBe(28);
    expect(run.cachedTokens[2]).toBe(27);
  });

  it("lets others behind it go on, and makes one that wants the same wait for it", () => {
    const small = { promptTokens: 2, outputTokens: 1, contentIds: ids(0, 0) };
    const big = { ...engine, kvCacheBlocks: 20, cpuKvGbps: 0.5 * 1.048576 };
    const filler = { promptTokens: 79, outputTokens: 1, contentIds: ids(200, 20), fireAtMs: 100 };
    const run = simulate({
      requests: [
        first,
        filler,
        { ...first, fireAtMs: 300 },
        { ...first, fireAtMs: 300 },
        { ...small, fireAtMs: 300 },
      ],
      model: timed,
      engine: big,
    });
    const [load] = run.kvLoads;
    expect(run.kvLoads.length).toBe(1);
    expect(run.firstTokenMs(4)!).toBeLessThan(load!.endMs);
    expect([run.cachedTokens[2], run.cachedTokens[3]]).toEqual([28, 28]);
    expect(run.admittedMs[3]!).toBeGreaterThanOrEqual(load!.endMs);
  });

  it("is refused where nothing tells the bytes of a token, or KV is in slots", () => {
    const requests = [first];
    const { kvBytesPerToken: _, ...untold } = engine;
    expect(() => simulate({ requests, model: timed, engine: untold })).toThrow(
      /bytes of a token.*--bytes-per-token/,
    );
    const slots = { ...engine, prefixReuse: "slots" as const };
    expect(() => simulate({ requests, model: timed, engine: slots })).toThrow(/prefixReuse is "slots"/);
    expect(() => simulate({ requests, model: timed, engine: { ...engine, kvChunkTokens: 6 } })).toThrow(
      /chunks of 6 tokens are not whole blocks of 4/,
    );
  });
});
