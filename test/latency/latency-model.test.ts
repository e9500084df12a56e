import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitLatency } from "../../lib/fit/index.js";
import {
  isExtrapolated,
  latencyModelFromJson,
  type PhysicalModelParts,
  physicalModel,
  type StepLoad,
} from "../../lib/latency/index.js";
import { fittingSweep, simulateSteps, somePrices } from "../fit/step-simulator.js";

const range = { uncachedTokens: [16, 4000], contextTokens: [20, 5000], runningSeqs: [1, 16] } as const;
const load = fc.record({
  prefillTokens: fc.integer({ min: 0, max: 8192 }),
  prefillTokenDepth: fc.integer({ min: 0, max: 1e8 }),
  prefillSeqs: fc.integer({ min: 0, max: 16 }),
  decodeSeqs: fc.integer({ min: 0, max: 512 }),
  decodeContextTokens: fc.integer({ min: 0, max: 4_000_000 }),
});
const price = fc.double({ min: 0, max: 10, noNaN: true });
const parts: fc.Arbitrary<PhysicalModelParts> = fc.record({
  step: fc.record({
    stepMs: price,
    prefillTokenMs: price,
    prefillTokenDepthMs: price,
    prefillSeqMs: price,
    decodeSeqMs: price,
    decodeContextTokenMs: price,
  }),
  floorMs: price,
  overhead: fc.record({ requestMs: price, promptTokenMs: price }),
  range: fc.constant(range),
});

describe("a physical model without noise", () => {
  it("takes no less time when any part of the load grows", () => {
    fc.assert(
      fc.property(
        parts,
        load,
        fc.constantFrom<keyof StepLoad>(
          "prefillTokens",
          "prefillTokenDepth",
          "prefillSeqs",
          "decodeSeqs",
          "decodeContextTokens",
        ),
        fc.integer({ min: 1, max: 5000 }),
        (given, small, axis, more) => {
          const timer = physicalModel(given).timer(1);
          const before = timer.stepMs(small);
          expect(before).toBeGreaterThan(0);
          expect(timer.stepMs({ ...small, [axis]: small[axis] + more })).toBeGreaterThanOrEqual(before);
        },
      ),
    );
  });

  it("survives JSON exactly", () => {
    fc.assert(
      fc.property(parts, load, (given, some) => {
        const model = physicalModel(given);
        const back = latencyModelFromJson(JSON.parse(JSON.stringify(model.toJson())));
        expect(back.timer(1).stepMs(some)).toBe(model.timer(1).stepMs(some));
        expect(back.timer(1).arrivalOverheadMs(777)).toBe(model.timer(1).arrivalOverheadMs(777));
      }),
    );
  });

  it("has every seed take the same time, and no step less than its floor", () => {
    fc.assert(
      fc.property(parts, load, fc.double({ min: 0, max: 50, noNaN: true }), (given, some, floorMs) => {
        const alone = physicalModel({ ...given, floorMs: 0 })
          .timer(1)
          .stepMs(some);
        expect(
          physicalModel({ ...given, floorMs: 0 })
            .timer(2)
            .stepMs(some),
        ).toBe(alone);
        expect(
          physicalModel({ ...given, floorMs })
            .timer(1)
            .stepMs(some),
        ).toBe(Math.max(floorMs, alone));
      }),
    );
  });

  it("refuses a negative price by name", () => {
    const step = { ...somePrices, decodeSeqMs: -1 };
    expect(() => physicalModel({ step, overhead: { requestMs: 0, promptTokenMs: 0 }, range })).toThrow(
      /decodeSeqMs must be a number >= 0|decodeSeqMs must be .*>= 0, got -1/,
    );
  });
});

describe("an empirical model", () => {
  const { trace } = simulateSteps({
    requests: fittingSweep(),
    prices: somePrices,
    maxNumBatchedTokens: 512,
  });
  const { model } = fitLatency([trace], { kind: "empirical", maxNumBatchedTokens: 512 });

  it("draws a gap that was observed at this concurrency", () => {
    const timer = model.timer(3);
    for (const decodeSeqs of [1, 2, 4]) {
      const ms = timer.stepMs({
        prefillTokens: 0,
        prefillTokenDepth: 0,
        prefillSeqs: 0,
        decodeSeqs,
        decodeContextTokens: 500 * decodeSeqs,
      });
      const truth =
        somePrices.stepMs + decodeSeqs * (somePrices.decodeSeqMs + 500 * somePrices.decodeContextTokenMs);
      expect(Math.abs(ms / truth - 1), `${decodeSeqs} sequences`).toBeLessThan(0.1);
    }
  });

  it("takes longer for a longer chunk and for a deeper one", () => {
    const median = (prefillTokens: number, prefillTokenDepth: number, decodeSeqs: number) => {
      const timer = model.timer(3);
      const some = {
        prefillTokens,
        prefillTokenDepth,
        prefillSeqs: 1,
        decodeSeqs,
        decodeContextTokens: 400 * decodeSeqs,
      };
      return Array.from({ length: 301 }, () => timer.stepMs(some)).sort((a, b) => a - b)[150]!;
    };
    for (const decodeSeqs of [0, 2]) {
      expect(median(500, 125_000, decodeSeqs)).toBeGreaterThan(1.3 * median(200, 20_000, decodeSeqs));
      expect(median(500, 1_500_000, decodeSeqs)).toBeGreaterThan(median(500, 125_000, decodeSeqs));
    }
  });
});

describe("latencyModelFromJson", () => {
  it.each([
    [null, /expected an object, got null/],
    [[], /expected an object, got an array/],
    [{ form: "quadratic" }, /form must be/],
    [{ form: "physical", kind: "physical" }, /coefficients are missing/],
  ])("refuses %j", (json, message) => {
    expect(() => latencyModelFromJson(json)).toThrow(message);
  });
});

describe("isExtrapolated", () => {
  it("is false on the range's edges and true one past any of them", () => {
    const inside = { uncachedTokens: 4000, contextTokens: 5000, runningSeqs: 16 };
    expect(isExtrapolated(range, inside)).toBe(false);
    expect(isExtrapolated(range, { ...inside, uncachedTokens: 4001 })).toBe(true);
    expect(isExtrapolated(range, { ...inside, contextTokens: 5001 })).toBe(true);
    expect(isExtrapolated(range, { ...inside, runningSeqs: 17 })).toBe(true);
    expect(isExtrapolated(range, { ...inside, runningSeqs: 0 })).toBe(true);
  });
});
