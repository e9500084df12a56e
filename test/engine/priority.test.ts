import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EngineRequest, type OrderingPolicy, orderingPolicy, simulate } from "../../lib/engine/index.js";
import { everyCost as model } from "./linear-model.js";
import { workloads } from "./workloads.js";

const request = (of: Partial<EngineRequest> & { id: number }): EngineRequest => {
  const { id, promptTokens = 32, outputTokens = 4, ...rest } = of;
  const blocks = Math.ceil((promptTokens + outputTokens) / 16);
  return {
    promptTokens,
    outputTokens,
    contentIds: Int32Array.from({ length: blocks }, (_, b) => 1000 * id + b),
    fireAtMs: 0,
    ...rest,
  };
};
const run = (requests: readonly EngineRequest[], engine: object = {}) =>
  simulate({ requests, model, engine: { schedulingPolicy: "priority", ...engine } });

describe("scheduling by priority", () => {
  it("admits the smallest first, of equals the one that came first; without a priority it is 0", () => {
    const requests = [3, 1, undefined, 1, -2].map((priority, id) =>
      request({ id, ...(priority !== undefined && { priority }) }),
    );
    const { admittedMs } = run(requests, { maxNumSeqs: 1 });
    const order = [...admittedMs.keys()].sort((a, b) => admittedMs[a] - admittedMs[b]);
    expect(order).toEqual([4, 2, 1, 3, 0]);
  });

  it("preempts the running request with the greatest, of equals the one that came last", () => {
    // Two fit at their start and not at their end: one must go, whichever was admitted last.
    const grows = { promptTokens: 30, outputTokens: 20 };
    const preempted = (priorities: readonly number[]) => {
      const requests = priorities.map((priority, id) => request({ id, priority, fireAtMs: id, ...grows }));
      const result = run(requests, { kvCacheBlocks: 6, maxNumSeqs: 2 });
      expect(result.preemptions).toBeGreaterThan(0);
      return [...result.resumed.keys()];
    };
    expect(preempted([5, 1])).toEqual([0]);
    expect(preempted([1, 5])).toEqual([1]);
    expect(preempted([2, 2])).toEqual([1]);
  });

  it("is first come, first served while all are equal and nobody is preempted", () => {
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        const roomy = { ...options, kvCacheBlocks: 100_000 };
        const [fcfs, priority] = ["fcfs", "priority"].map((schedulingPolicy) =>
          simulate({ requests, model, engine: { ...roomy, schedulingPolicy } }),
        );
        expect(priority.preemptions).toBe(0);
        expect([...priority.lastStep]).toEqual([...fcfs.lastStep]);
        expect([...priority.cachedTokens]).toEqual([...fcfs.cachedTokens]);
      }),
      { numRuns: 300 },
    );
  });

  it("serves everybody, in whole, however small the pool and whatever the priorities", () => {
    fc.assert(
      fc.property(
        workloads,
        fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 60 }),
        (w, priorities) => {
          const requests = w.requests.map((r, i) => ({ ...r, priority: priorities[i % priorities.length] }));
          const result = run(requests, w.options);
          requests.forEach(({ outputTokens }, i) => {
            expect(result.outputTokens[i]).toBe(outputTokens);
            const times = new Float64Array(outputTokens);
            expect(result.tokenTimes(i, times, 0)).toBe(outputTokens);
            for (let t = 1; t < outputTokens; t++) expect(times[t]).toBeGreaterThan(times[t - 1]);
            expect(times[0]).toBeGreaterThan(result.admittedMs[i]);
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it("an ordering can be written in a few lines, and one that names nobody is told so", () => {
    const shortestFirst: OrderingPolicy = {
      name: "shortest-first",
      start: ({ request: of }) => {
        const waiting = new Set<number>();
        return {
          push: (slot) => waiting.add(slot),
          putBack: (slot) => waiting.add(slot),
          remove: (slot) => waiting.delete(slot),
          next: () => [...waiting].sort((a, b) => of(a).promptTokens - of(b).promptTokens)[0],
          victim: (running) => running.last,
        };
      },
    };
    const requests = [64, 16, 32].map((promptTokens, id) => request({ id, promptTokens }));
    const engine = { schedulingPolicy: shortestFirst, maxNumSeqs: 1 };
    const { admittedMs } = simulate({ requests, model, engine });
    expect([...admittedMs.keys()].sort((a, b) => admittedMs[a] - admittedMs[b])).toEqual([1, 2, 0]);
    const nobody: OrderingPolicy = {
      name: "nobody",
      start: () => ({ push() {}, putBack() {}, remove() {}, next: () => undefined, victim: () => 0 }),
    };
    expect(() => simulate({ requests, model, engine: { schedulingPolicy: nobody } })).toThrow(
      /ordering "nobody": next\(\) names nobody/,
    );
    expect(() => orderingPolicy("sjf")).toThrow(/no scheduling policy "sjf", expected one of fcfs, priority/);
  });
});
