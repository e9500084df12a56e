import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EngineRequest, simulate } from "../../lib/engine/index.js";
import { leastLoaded, type RouterPolicy, routerPolicy, routers, runFleet } from "../../lib/fleet/index.js";
import { replay } from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { everyCost as model } from "../engine/linear-model.js";
import { workloads } from "../engine/workloads.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";
import { naiveFleet } from "./naive-fleet.js";

/** A router that sends request i to replica `of[i]`, by its place in the list. */
const fixed = (requests: readonly EngineRequest[], of: readonly number[]): RouterPolicy => ({
  name: "fixed",
  start: () => ({ route: (request) => of[requests.indexOf(request)] }),
});

describe("a fleet", () => {
  it("of one engine is that engine, to the last digit", () => {
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        const alone = simulate({ requests, model, engine: options });
        const fleet = runFleet({ requests, model, engine: options, replicas: 1, router: leastLoaded() });
        for (const column of ["fireMs", "admittedMs", "cachedTokens", "outputTokens", "replica"] as const)
          expect([...fleet[column]]).toEqual([...alone[column]]);
        requests.forEach((_, i) => {
          expect([fleet.firstTokenMs(i), fleet.lastTokenMs(i)]).toEqual([
            alone.firstTokenMs(i),
            alone.lastTokenMs(i),
          ]);
        });
        expect([fleet.endMs, fleet.busyMs, fleet.preemptions]).toEqual([
          alone.endMs,
          alone.busyMs,
          alone.preemptions,
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it("of several engines does what each would do alone with its requests", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        workloads,
        fc.array(fc.nat(2), { minLength: 60, maxLength: 60 }),
        ({ requests, options }, drawn) => {
          const replicaOf = requests.map((_, i) => drawn[i % drawn.length]);
          const naive = naiveFleet(requests, replicaOf, model, options);
          // Who comes first of those that are sent to one replica at one instant, by ends elsewhere, is not defined.
          const sent = requests.map((_, i) => `${replicaOf[i]} ${naive.fireMs[i]}`);
          if (requests.some(({ after }, i) => after && sent.indexOf(sent[i]) !== sent.lastIndexOf(sent[i])))
            return;
          compared++;
          const run = runFleet({
            requests,
            model,
            engine: options,
            replicas: 3,
            router: fixed(requests, replicaOf),
          });
          expect([...run.replica]).toEqual(replicaOf);
          requests.forEach((_, i) => {
            expect(run.fireMs[i]).toBeCloseTo(naive.fireMs[i], 6);
            expect(run.lastTokenMs(i)).toBeCloseTo(naive.lastMs[i], 6);
          });
        },
      ),
      { numRuns: 600 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it("serves each request once and in whole, on the replica that it was sent to, after its parent", () => {
    fc.assert(
      fc.property(workloads, fc.constantFrom(...Object.keys(routers)), ({ requests, options }, router) => {
        const run = runFleet({ requests, model, engine: options, replicas: 2, router });
        requests.forEach(({ outputTokens, after }, i) => {
          expect(run.outputTokens[i]).toBe(outputTokens);
          expect([0, 1]).toContain(run.replica[i]);
          if (after)
            expect(run.fireMs[i]).toBeGreaterThanOrEqual(run.lastTokenMs(after.parent)! + after.gapMs);
        });
      }),
      { numRuns: 300 },
    );
  });

  const contentIds = Int32Array.from({ length: 8 }, (_, b) => b);
  const four = [0, 1000, 2000, 3000].map((fireAtMs) => ({
    promptTokens: 100,
    outputTokens: 4,
    contentIds,
    fireAtMs,
  }));

  it("behind round robin takes turns, and each replica finds only what it computed itself", () => {
    const run = runFleet({ requests: four, model, replicas: 2, router: "round-robin" });
    expect([...run.replica]).toEqual([0, 1, 0, 1]);
    expect([...run.cachedTokens]).toEqual([0, 0, 96, 96]);
  });

  it("behind least loaded sends to the one with the fewest requests", () => {
    const together = four.map((request, i) => ({ ...request, fireAtMs: i < 3 ? 0 : 5000 }));
    const run = runFleet({ requests: together, model, replicas: 3, router: "least-loaded" });
    expect([...run.replica]).toEqual([0, 1, 2, 0]);
  });

  it("takes a router of a user's own, which sees what each replica holds", () => {
    const affine: RouterPolicy = {
      name: "affine",
      start: () => ({
        route: (request, replicas) => {
          const held = replicas.map((replica) => replica.cachedTokens(request));
          return held.indexOf(Math.max(...held));
        },
      }),
    };
    const run = runFleet({ requests: four, model, replicas: 2, router: affine });
    expect([...run.replica]).toEqual([0, 0, 0, 0]);
  });

  it("runs a closed loop over all its engines", () => {
    const requests = Array.from({ length: 9 }, (_, i) => ({
      promptTokens: 20,
      outputTokens: 3,
      contentIds: Int32Array.of(10 * i, 10 * i + 1),
      inTurn: { maxInFlight: 2, gapMs: 1 },
    }));
    const run = runFleet({ requests, model, replicas: 2 });
    for (let i = 2; i < 9; i++) {
      const ended = [...requests.keys()].filter((j) => j < i && run.lastTokenMs(j)! <= run.fireMs[i]).length;
      expect(i - ended).toBeLessThanOrEqual(1);
    }
  });

  it("refuses a fleet of none, a router that there is not, and one that names a replica that is not there", () => {
    expect(() => runFleet({ requests: four, model, replicas: 0 })).toThrow(
      /replicas must be a positive integer, got 0/,
    );
    expect(() => routerPolicy("coin")).toThrow(
      /no router "coin", expected one of round-robin, random, least-loaded/,
    );
    const lost: RouterPolicy = { name: "lost", start: () => ({ route: () => 2 }) };
    expect(() => runFleet({ requests: four, model, replicas: 2, router: lost })).toThrow(
      /router "lost": route\(\) returned 2, expected a replica from 0 to 1/,
    );
  });

  it("refuses what no replica can hold, where it was sent", () => {
    const run = runFleet({
      requests: [{ promptTokens: 1000, outputTokens: 1, contentIds: new Int32Array(63), fireAtMs: 0 }],
      model,
      replicas: 2,
      engine: { kvCacheBlocks: 10 },
    });
    expect(run.refused).toEqual([0]);
  });
});

describe("a replay on replicas", () => {
  const { trace } = multiturnTrace({
    sessions: 6,
    turns: 3,
    prefixTokens: 64,
    promptTokens: 30,
    outputTokens: 8,
  });
  const sessions = inferSessions(trace);

  it("says how many there were, behind which router, and which replica served each request", () => {
    const { conditions, trace: modeled } = replay({ trace, sessions }, { model, replicas: 2 });
    expect([conditions.replicas, conditions.router]).toEqual([2, "round-robin"]);
    const served = new Set(modeled.records.map(({ replica }) => replica));
    expect([...served].sort()).toEqual(["0", "1"]);
  });

  it("on one is the replay as it always was, without a word of replicas", () => {
    const one = replay({ trace, sessions }, { model, replicas: 1 });
    expect(one.trace.records).toEqual(replay({ trace, sessions }, { model }).trace.records);
    expect(one.conditions.router).toBeUndefined();
    expect(one.trace.records.every(({ replica }) => replica === undefined)).toBe(true);
  });

  it("finds less where turns are sent away from their history than where all is in one place", () => {
    const found = (replicas: number) =>
      replay({ trace, sessions }, { model, replicas }).trace.records.reduce(
        (sum, r) => sum + (r.cachedTokens ?? 0),
        0,
      );
    expect(found(4)).toBeLessThan(found(1));
  });
});
