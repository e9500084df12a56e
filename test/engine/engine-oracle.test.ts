import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EngineOptions, type EngineRequest, engineOptions, simulate } from "../../lib/engine/index.js";
import { everyCost as model } from "./linear-model.js";
import { naiveEngine } from "./naive-engine.js";
import { workloads } from "./workloads.js";

describe("the engine against the naive oracle", () => {
  it("gives the same steps, first and last tokens, hits and preemptions on random workloads", () => {
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        const run = simulate({ requests, model, engine: options });
        const naive = naiveEngine(requests, options, model.timer(0));
        expect([...run.firstStep]).toEqual(naive.firstStep);
        expect([...run.lastStep]).toEqual(naive.lastStep);
        expect([...run.cachedTokens]).toEqual(naive.cachedTokens);
        expect(run.preemptions).toBe(naive.preemptions);
        expect(run.steps.endMs.length).toBe(naive.stepEndMs.length);
        run.steps.endMs.forEach((ms, i) => {
          expect(ms).toBeCloseTo(naive.stepEndMs[i] as number, 6);
        });
      }),
      { numRuns: 2000 },
    );
  });

  it("finds the block of the request admitted first when two decodes fill equal blocks in one step", () => {
    const shared = Int32Array.from({ length: 12 }, (_, b) => b);
    const requests: EngineRequest[] = [
      { promptTokens: 1, outputTokens: 1, contentIds: new Int32Array(0), fireAtMs: 33 },
      { promptTokens: 45, outputTokens: 6, contentIds: shared, after: { parent: 0, gapMs: 7 } },
      { promptTokens: 1, outputTokens: 1, contentIds: new Int32Array(0), after: { parent: 0, gapMs: 7 } },
      { promptTokens: 44, outputTokens: 6, contentIds: shared, fireAtMs: 87 },
      { promptTokens: 1, outputTokens: 20, contentIds: Int32Array.of(0, 12, 13, 14, 15), fireAtMs: 0 },
    ];
    const options = engineOptions({
      blockSize: 4,
      kvCacheBlocks: 15,
      maxNumSeqs: 2,
      maxNumBatchedTokens: 9,
      longPrefillTokenThreshold: 5,
      reserveFullPrompt: false,
    });
    const run = simulate({ requests, model, engine: options });
    // Request 3 is preempted; its own copy of the last block is idle, but the one in use is found and costs no room.
    expect(run.preemptions).toBe(1);
    expect([...run.lastStep]).toEqual([11, 28, 20, 28, 19]);
    expect([...run.lastStep]).toEqual(naiveEngine(requests, options, model.timer(0)).lastStep);
  });

  it("holds its invariants: causality, a monotone clock, conservation of requests and tokens", () => {
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        const run = simulate({ requests, model, engine: options as EngineOptions });
        expect(run.refused).toEqual([]);
        for (let s = 1; s < run.steps.endMs.length; s++)
          expect(run.steps.endMs[s]!).toBeGreaterThan(run.steps.endMs[s - 1]!);
        requests.forEach((request, i) => {
          const first = run.firstStep[i] as number;
          const last = run.lastStep[i] as number;
          expect(last).toBeGreaterThanOrEqual(first);
          expect(run.admittedMs[i]!).toBeGreaterThanOrEqual(run.fireMs[i]!);
          expect(run.steps.endMs[first]!).toBeGreaterThan(run.admittedMs[i]!);
          expect(run.cachedTokens[i]! % options.blockSize).toBe(0);
          expect(run.cachedTokens[i]!).toBeLessThan(request.promptTokens);
          if (!run.resumed.has(i)) expect(last - first).toBe(request.outputTokens - 1);
          if (request.after) {
            const parentDone = run.steps.endMs[run.lastStep[request.after.parent]!]!;
            expect(run.fireMs[i]!).toBeGreaterThanOrEqual(parentDone + request.after.gapMs);
          }
        });
        expect(run.busyMs).toBeLessThanOrEqual(run.endMs + 1e-9);
      }),
      { numRuns: 500 },
    );
  });
});
