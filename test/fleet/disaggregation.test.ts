import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type EngineRequest,
  type EngineRun,
  engineOptions,
  type ReplicaEvent,
} from "../../lib/engine/index.js";
import { type PrefillPool, ReuseWatch, type RouterPolicy, routers, runFleet } from "../../lib/fleet/index.js";
import { linearModel, everyCost as model, unequal } from "../engine/linear-model.js";
import { withoutTies, workloads } from "../engine/workloads.js";
import { naiveDisaggregation } from "./naive-disaggregation.js";

/** A router that sends request i to replica `of[i]`, by its place in the list. */
const fixed = (requests: readonly EngineRequest[], of: readonly number[]): RouterPolicy => ({
  name: "fixed",
  start: () => ({
    route: (request) => of[requests.indexOf(request)]!,
  }),
});

/** Cards for prefills: steps of another price, overheads of their own. */
const prefillModel = linearModel({ base: 2, prefill: 0.2, depth: 0.004, arrival: 0.5, emission: 1 });

/** What is in front of a fleet, at random. */
const pools = fc.record({
  decoders: fc.integer({ min: 1, max: 2 }),
  prefills: fc.integer({ min: 1, max: 2 }),
  pool: fc.integer({ min: 12, max: 60 }),
  budget: fc.integer({ min: 8, max: 80 }),
  tokensPerMs: fc.double({ min: 0.2, max: 20, noNaN: true }),
  latencyMs: fc.double({ min: 0, max: 10, noNaN: true }),
  nonCachedTokens: fc.constantFrom(undefined, undefined, 8, 20),
  drawn: fc.array(fc.nat(3), { minLength: 24, maxLength: 24 }),
});

const chain = (length: number, from = 0) => Int32Array.from({ length }, (_, k) => from + k);
const link = { tokensPerMs: 10, latencyMs: 2 };

describe("prefill and decode apart", () => {
  it("take a request from its prefill engine over the network to its decode engine, at times worked out by hand", () => {
    const steps = linearModel({ base: 10, prefill: 1, decode: 1, arrival: 3, emission: 5 });
    const requests = [0, 1000].map((fireAtMs) => ({
      promptTokens: 40,
      outputTokens: 3,
      contentIds: chain(2),
      fireAtMs,
    }));
    const run = runFleet({ requests, model: steps, prefill: { replicas: 1, link } });
    const { prefill } = run;
    // Arrives after 3; a step of 10 + 40; its token is on its way for 5, the decode engine's request for 3.
    expect([prefill!.admittedMs[0], prefill!.computedMs[0], prefill!.askedMs[0]]).toEqual([3, 58, 61]);
    // Three blocks of 16: 2 + 48 / 10. Then a step of the last prompt token, 10 + 1, and 5 more.
    expect(prefill!.movedMs[0]).toBeCloseTo(67.8, 9);
    expect(run.firstTokenMs(0)).toBeCloseTo(67.8 + 11 + 5, 9);
    expect(run.lastTokenMs(0)).toBeCloseTo(67.8 + 11 + 2 * 11 + 5, 9);
    expect([prefill!.foundTokens[0], prefill!.movedTokens[0], run.cachedTokens[0]]).toEqual([0, 48, 0]);
    // The second finds two blocks at either engine: 8 tokens are computed, and the last block is moved.
    expect([prefill!.foundTokens[1], prefill!.movedTokens[1], run.cachedTokens[1]]).toEqual([32, 16, 32]);
    expect(prefill!.computedMs[1]).toBe(1003 + 18 + 5);
    expect([...run.outputTokens]).toEqual([3, 3]);
  });

  it("do what a naive fleet does, with random pools, networks and deciders", () => {
    const seen = { remote: 0, local: 0, preemptions: 0, waitedForLink: 0, waitedForRoom: 0 };
    fc.assert(
      fc.property(workloads, pools, ({ requests: drawnRequests, options }, shape) => {
        const requests = withoutTies(drawnRequests);
        const { decoders, prefills, drawn, tokensPerMs, latencyMs, nonCachedTokens } = shape;
        const decoderOf = requests.map((_, i) => drawn[i % drawn.length]! % decoders);
        const prefillOf = requests.map((_, i) => (drawn[(i + 5) % drawn.length]! >> 1) % prefills);
        const blocks = Math.max(
          shape.pool,
          ...requests.map(({ promptTokens }) => Math.ceil(promptTokens / options.blockSize)),
        );
        const engine = { kvCacheBlocks: blocks, maxNumBatchedTokens: shape.budget };
        const naive = naiveDisaggregation({
          requests,
          decoders,
          prefills,
          options,
          prefillOptions: engineOptions({ ...options, ...engine }),
          model: unequal(model),
          prefillModel: unequal(prefillModel),
          link: { tokensPerMs, latencyMs },
          decoderOf: (index) => decoderOf[index]!,
          prefillOf: (index) => prefillOf[index]!,
          nonCachedTokens: nonCachedTokens ?? 0,
        });
        const run = runFleet({
          requests,
          model: unequal(model),
          engine: options,
          replicas: decoders,
          router: fixed(requests, decoderOf),
          prefill: {
            replicas: prefills,
            model: unequal(prefillModel),
            engine,
            router: fixed(requests, prefillOf),
            link: { tokensPerMs, latencyMs },
            ...(nonCachedTokens !== undefined && { nonCachedTokens }),
          },
        }) as EngineRun;
        const prefill = run.prefill!;
        naive.outcomes.forEach((expected, i) => {
          expect(expected.served).toBe(1);
          expect(prefill.replica[i]).toBe(expected.prefill ?? -1);
          expect([prefill.foundTokens[i], prefill.movedTokens[i], run.cachedTokens[i]]).toEqual([
            expected.foundTokens,
            expected.movedTokens,
            expected.cachedTokens,
          ]);
          const close = (ms: number | undefined, to: number) =>
            Number.isNaN(to) ? expect(ms).toBeNaN() : expect(ms).toBeCloseTo(to, 6);
          close(run.fireMs[i], expected.fireMs);
          close(prefill.admittedMs[i], expected.prefillAdmittedMs);
          close(prefill.computedMs[i], expected.computedMs);
          close(prefill.askedMs[i], expected.askedMs);
          close(prefill.movedMs[i], expected.movedMs);
          close(run.admittedMs[i], expected.admittedMs);
          close(run.firstTokenMs(i), expected.firstMs);
          close(run.lastTokenMs(i), expected.lastMs);
          if (expected.prefill === undefined) seen.local++;
          else {
            seen.remote++;
            if (expected.movedMs - expected.askedMs > latencyMs + expected.movedTokens / tokensPerMs + 1e-6)
              seen.waitedForLink++;
            if (expected.askedMs - expected.computedMs > 1.001) seen.waitedForRoom++;
          }
        });
        seen.preemptions += run.preemptions;
        expect(run.preemptions).toBe(naive.nodes.reduce((sum, node) => sum + node.preemptions, 0));
        expect(run.heldBlocks).toBe(0);
        for (const node of naive.nodes) expect(node.free.length).toBe(node.options.kvCacheBlocks);
      }),
      { numRuns: 120 },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });

  it("serve each once, give back all blocks and decode nothing before its KV is there, whatever fails", () => {
    const seen = { gone: 0, prefillGone: 0, timedOut: 0, lost: 0, remote: 0, local: 0 };
    const events = fc
      .array(fc.tuple(fc.nat(400), fc.constantFrom("stop", "restart", "drain"), fc.boolean()), {
        maxLength: 4,
      })
      .map((drawn) => {
        const stopped = { decode: false, prefill: false };
        const byPool = { decode: [] as ReplicaEvent[], prefill: [] as ReplicaEvent[] };
        for (const [k, [ms, does, isPrefill]] of [...drawn].sort((a, b) => a[0] - b[0]).entries()) {
          const pool = isPrefill ? "prefill" : "decode";
          // A stopped one can only be restarted.
          const change = stopped[pool] ? "restart" : (does as "stop" | "restart" | "drain");
          stopped[pool] = change === "stop";
          byPool[pool].push({ atMs: ms + 0.137 + k / 1000, does: change, replica: isPrefill ? 0 : 1 });
        }
        return byPool;
      });
    fc.assert(
      fc.property(
        workloads,
        pools,
        events,
        fc.constantFrom(...Object.keys(routers)),
        fc.constantFrom("resend" as const, "lose" as const),
        fc.constantFrom(undefined, 300),
        fc.constantFrom(0, 40),
        ({ requests, options }, shape, happens, router, onLoss, requestTimeoutMs, cpuBlocks) => {
          const tiers = cpuBlocks > 0 && {
            cpuKvGib: (cpuBlocks * options.blockSize) / 1024,
            kvBytesPerToken: 2 ** 20,
          };
          const engine = { ...options, ...tiers, asyncScheduling: shape.budget % 2 === 0 };
          const watch = new ReuseWatch({
            requests,
            replicas: 2,
            prefillReplicas: shape.prefills,
            engine: engineOptions(engine),
          });
          const given = {
            requests,
            model,
            engine,
            replicas: 2,
            router,
            onLoss,
            replicaEvents: happens.decode,
            ...(requestTimeoutMs && { requestTimeoutMs }),
            prefill: {
              replicas: shape.prefills,
              model: prefillModel,
              engine: { maxNumBatchedTokens: shape.budget },
              link: { tokensPerMs: shape.tokensPerMs, latencyMs: shape.latencyMs },
              ...(shape.nonCachedTokens !== undefined && { nonCachedTokens: shape.nonCachedTokens }),
              replicaEvents: happens.prefill,
            },
          };
          const run = runFleet(given) as EngineRun;
          const prefill = run.prefill!;
          expect(run.heldBlocks).toBe(0);
          requests.forEach(({ outputTokens, promptTokens, after }, i) => {
            const last = run.lastTokenMs(i);
            const ends = [last, run.lostMs?.(i), run.timedOutMs(i)].filter((ms) => ms !== undefined);
            expect(ends.length).toBe(1);
            if (last === undefined) {
              seen[run.timedOutMs(i) === undefined ? "lost" : "timedOut"]++;
              expect(run.outputTokens[i]).toBeLessThanOrEqual(outputTokens);
              return;
            }
            expect(run.outputTokens[i]).toBe(outputTokens);
            expect(run.cachedTokens[i]).toBeLessThan(promptTokens);
            if (after) expect(run.fireMs[i]).toBeGreaterThan(run.fireMs[after.parent]!);
            if (prefill.replica[i]! < 0) {
              seen.local++;
              return;
            }
            seen.remote++;
            const order = [
              run.fireMs[i]!,
              prefill.admittedMs[i]!,
              prefill.computedMs[i]!,
              prefill.askedMs[i]!,
              prefill.movedMs[i]!,
              run.admittedMs[i]!,
              run.firstTokenMs(i)!,
            ];
            for (let k = 1; k < order.length; k++) expect(order[k]).toBeGreaterThanOrEqual(order[k - 1]!);
            const { blockSize } = options;
            const blocks = Math.ceil(promptTokens / blockSize);
            expect(prefill.foundTokens[i]! + prefill.movedTokens[i]!).toBe(blocks * blockSize);
            expect(prefill.movedMs[i]! - prefill.askedMs[i]!).toBeGreaterThan(
              shape.latencyMs + prefill.movedTokens[i]! / shape.tokensPerMs - 1e-6,
            );
          });
          seen.gone += (run.replicaEvents ?? []).reduce((sum, event) => sum + event.requests.length, 0);
          seen.prefillGone += (prefill.replicaEvents ?? []).reduce(
            (sum, event) => sum + event.requests.length,
            0,
          );
          const again = runFleet({ ...given, watchCache: watch.watchCache });
          for (const column of ["fireMs", "admittedMs", "cachedTokens", "outputTokens", "replica"] as const)
            expect([...again[column]]).toEqual([...run[column]]);
          expect(again.prefill).toEqual(run.prefill);
          if (happens.decode.length + happens.prefill.length > 0) return;
          const { offered, routed, delivered } = watch.reuse(again).byRequest;
          delivered.forEach((tokens, i) => {
            expect(routed[i]).toBeGreaterThanOrEqual(tokens);
            expect(offered[i]).toBeGreaterThanOrEqual(routed[i]!);
          });
        },
      ),
      { numRuns: 120 },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });

  it("are a plain fleet where every prompt is short enough to be computed where it is decoded", () => {
    fc.assert(
      fc.property(workloads, fc.constantFrom(...Object.keys(routers)), ({ requests, options }, router) => {
        const given = { requests, model, engine: options, replicas: 2, router };
        const plain = runFleet(given);
        const apart = runFleet({ ...given, prefill: { replicas: 2, link, nonCachedTokens: 1000 } });
        for (const column of ["fireMs", "admittedMs", "cachedTokens", "outputTokens", "replica"] as const)
          expect([...apart[column]]).toEqual([...plain[column]]);
        requests.forEach((_, i) => {
          expect(apart.lastTokenMs(i)).toBe(plain.lastTokenMs(i));
        });
        expect([...apart.prefill!.replica]).toEqual(requests.map(() => -1));
        expect(apart.prefill!.engines.map(({ busyMs }) => busyMs)).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  it("compute a prompt where it is decoded when less than the threshold is missing there", () => {
    const turn = (promptTokens: number, fireAtMs: number) => ({
      promptTokens,
      outputTokens: 2,
      contentIds: chain(Math.floor((promptTokens + 2) / 16)),
      fireAtMs,
    });
    const requests = [turn(160, 0), turn(175, 10_000), turn(176, 20_000), turn(230, 30_000)];
    const run = runFleet({ requests, model, prefill: { replicas: 1, link, nonCachedTokens: 16 } });
    // Missing are 160; 15; 176 less 160 or, as the decode engine computed the 11th block, less; 54.
    expect([...run.prefill!.replica]).toEqual([0, -1, 0, 0]);
    expect([...run.prefill!.foundTokens]).toEqual([0, -1, 160, 176]);
    expect([...run.prefill!.movedTokens]).toEqual([160, -1, 16, 64]);
  });

  it("hold a prompt's blocks at the prefill engine until they are read", () => {
    // Room for two prompts; the network takes a second for each.
    const requests = [0, 1, 2].map((k) => ({
      promptTokens: 64,
      outputTokens: 2,
      contentIds: chain(4, 10 * k),
      fireAtMs: 0,
    }));
    const run = runFleet({
      requests,
      model,
      prefill: { replicas: 1, engine: { kvCacheBlocks: 8 }, link: { tokensPerMs: 0.064, latencyMs: 0 } },
    });
    const { admittedMs, movedMs, computedMs } = run.prefill!;
    expect(computedMs[1]).toBeLessThan(movedMs[0]!);
    expect(admittedMs[2]).toBeCloseTo(movedMs[0]!, 6);
    expect(movedMs[1]! - movedMs[0]!).toBeCloseTo(1000, 6);
  });

  it("hold a prompt's blocks for the lease of 30 s when the engine that was to read them has gone", () => {
    // Room for two prompts, both for an engine that has room for one and stops; the third, for another engine, needs more than one leaves.
    const requests = [80, 80, 128].map((promptTokens, k) => ({
      promptTokens,
      outputTokens: 2,
      contentIds: chain(promptTokens / 16, 10 * k),
      fireAtMs: k,
    }));
    const byOrder: RouterPolicy = {
      name: "by order",
      start: () => ({ route: ({ contentIds }) => (contentIds[0] === requests[2]!.contentIds[0] ? 1 : 0) }),
    };
    const run = runFleet({
      requests,
      model,
      engine: { kvCacheBlocks: 9 },
      replicas: 2,
      router: byOrder,
      onLoss: "lose",
      replicaEvents: [{ atMs: 500, does: "stop", replica: 0 }],
      prefill: {
        replicas: 1,
        router: "round-robin",
        engine: { kvCacheBlocks: 10 },
        link: { tokensPerMs: 0.064, latencyMs: 0 },
      },
    });
    expect(run.prefill!.computedMs[1]).toBeLessThan(500);
    expect(run.prefill!.admittedMs[2]).toBeCloseTo(30_500, 6);
    expect([0, 1, 2].map((i) => run.outputTokens[i])).toEqual([0, 0, 2]);
  });

  it("go on without prefill engines when none is left, and refuse a prompt that one has no room for", () => {
    const requests = [0, 5000, 10_000].map((fireAtMs, k) => ({
      promptTokens: 64,
      outputTokens: 2,
      contentIds: chain(4, 10 * k),
      fireAtMs,
    }));
    const prefill: PrefillPool = {
      replicas: 1,
      link,
      replicaEvents: [{ atMs: 4000, does: "stop", replica: 0 }],
    };
    const run = runFleet({ requests, model, prefill });
    expect([...run.prefill!.replica]).toEqual([0, -1, -1]);
    const small = runFleet({ requests, model, prefill: { ...prefill, engine: { kvCacheBlocks: 3 } } });
    expect(small.refused).toEqual([0]);
  });

  it("are refused without engines, network, or blocks of one size", () => {
    const requests = [{ promptTokens: 20, outputTokens: 1, contentIds: chain(1), fireAtMs: 0 }];
    const run = (prefill: object) => () =>
      runFleet({ requests, model, prefill: { replicas: 1, link, ...prefill } });
    expect(run({ replicas: 0 })).toThrow(/prefill: replicas must be a positive integer, got 0/);
    expect(run({ link: { tokensPerMs: 0, latencyMs: 0 } })).toThrow(
      /prefill: link must carry tokensPerMs above 0/,
    );
    expect(run({ nonCachedTokens: 0 })).toThrow(
      /nonCachedTokens must be a whole number >= 1, got 0: leave it out/,
    );
    expect(run({ router: "coin" })).toThrow(/no router "coin"/);
    expect(run({ engine: { blockSize: 32 } })).toThrow(
      /prefill engines have blocks of 32 tokens, those that decode of 16/,
    );
    expect(run({ engine: { prefixReuse: "slots" } })).toThrow(
      /hand over vLLM's blocks, and prefixReuse is "slots"/,
    );
    const lost: RouterPolicy = { name: "lost", start: () => ({ route: () => 1 }) };
    expect(run({ router: lost })).toThrow(
      /router "lost": route\(\) returned 1, expected a replica from 0 to 0/,
    );
    expect(run({ replicaEvents: [{ atMs: 1, does: "stop", replica: 1 }] })).toThrow(
      /there are replicas 0 to 0 then/,
    );
  });
});
