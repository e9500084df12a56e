import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EngineRequest, simulate } from "../../lib/engine/index.js";
import { linearModel } from "./linear-model.js";
import { workloads } from "./workloads.js";

// A step of 10 ms, whatever it computes.
const model = linearModel({ base: 10 });
const request = (
  fireAtMs: number,
  promptTokens: number,
  outputTokens: number,
  id: number,
): EngineRequest => ({
  promptTokens,
  outputTokens,
  contentIds: Int32Array.from({ length: 20 }, (_, b) => 100 * id + b),
  fireAtMs,
});
const run = (requests: readonly EngineRequest[], asyncScheduling: boolean, engine: object = {}) =>
  simulate({ requests, model, engine: { ...engine, asyncScheduling } });

describe("asynchronous scheduling", () => {
  it("makes a request that arrives during a step miss the next one too", () => {
    // Steps begin at 0, 10, 20, ...; the second request arrives at 15, while the step from 10 to 20 runs.
    const requests = [request(0, 16, 20, 0), request(15, 16, 2, 1)];
    expect(run(requests, false).admittedMs[1]).toBe(20);
    expect(run(requests, true).admittedMs[1]).toBe(30);
  });

  it("admits in the next step what had arrived at the moment at which the one before it began", () => {
    const requests = [request(0, 16, 20, 0), request(10, 16, 2, 1)];
    expect(run(requests, true).admittedMs[1]).toBe(20);
  });

  it("changes nothing for a request that finds the engine idle, or that the last step leaves alone", () => {
    const requests = [request(0, 16, 2, 0), request(15, 16, 2, 1), request(500, 16, 2, 2)];
    for (const isAsync of [false, true]) {
      const { admittedMs } = run(requests, isAsync);
      // The first request ends at 20, when the second has been waiting since 15.
      expect([...admittedMs]).toEqual([0, 20, 500]);
    }
  });

  it("does not look again where a step leaves nobody behind, if somebody had come when it began", () => {
    // Two seats; every step takes 10 ms and ends those in it. The third request runs from 10 to 20, alone.
    const requests = [0, 0, 0, 7, 15].map((fireAtMs, id) => request(fireAtMs, 16, 1, id));
    const admitted = (asyncScheduling: boolean) => [
      ...run(requests, asyncScheduling, { maxNumSeqs: 2 }).admittedMs,
    ];
    // Synchronous: the fourth joins the third, the fifth follows.
    expect(admitted(false)).toEqual([0, 0, 10, 10, 20]);
    // One step ahead: the fourth was there when the third's step began, the fifth was not.
    expect(admitted(true)).toEqual([0, 0, 10, 20, 30]);
  });

  it("is off unless it is asked for", () => {
    const requests = [request(0, 16, 20, 0), request(15, 16, 2, 1)];
    expect(simulate({ requests, model }).admittedMs[1]).toBe(20);
  });

  it("admits nobody before the step that follows one that began after it arrived, while the engine is at work", () => {
    let judged = 0;
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        const { steps, admittedMs, fireMs, lastStep } = run(requests, true, options);
        const ends = steps.endMs;
        requests.forEach((_, i) => {
          const step = ends.findIndex((endMs) => endMs > admittedMs[i]);
          // The first step, and one that began later than the one before it ended: the engine slept.
          if (step < 1 || ends[step] - 10 > ends[step - 1] + 1e-9) return;
          if (fireMs[i] <= ends[step - 1] - 10) {
            judged++;
            return;
          }
          // It came while the step before ran: then that step left nobody behind, and the engine woke for it.
          requests.forEach((__, j) => {
            if (fireMs[j] <= ends[step - 1] - 10) expect(lastStep[j]).toBeLessThan(step);
          });
        });
      }),
      { numRuns: 300 },
    );
    expect(judged).toBeGreaterThan(200);
  });

  it("serves everybody in whole, as the synchronous scheduler does", () => {
    fc.assert(
      fc.property(workloads, ({ requests, options }) => {
        const result = run(requests, true, options);
        requests.forEach(({ outputTokens }, i) => {
          expect(result.outputTokens[i]).toBe(outputTokens);
          expect(result.admittedMs[i]).toBeGreaterThanOrEqual(result.fireMs[i]);
        });
      }),
      { numRuns: 300 },
    );
  });
});
