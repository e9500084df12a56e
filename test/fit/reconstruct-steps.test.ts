import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { reconstructSteps } from "../../lib/fit/index.js";
import { fittingSweep, simulateSteps, somePrices, traceOf } from "./step-simulator.js";

const budget = 512;

describe("reconstructSteps", () => {
  it("recovers the load of every visible step of a noiseless engine", () => {
    const { trace, loads } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const { steps } = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const sure = steps.filter((step) => step.durationMs !== undefined && step.doubt === undefined);
    const decoding = loads.filter((load) => load.decodeSeqs > 0);
    expect(sure.length).toBeGreaterThan(0.97 * decoding.length);
    const key = (load: object) => JSON.stringify(load);
    const simulated = new Set(decoding.map(key));
    const wrong = sure.filter((step) => !simulated.has(key(step.load)));
    expect(wrong.length).toBe(0);
  });

  it("conserves tokens: every token of every request is emitted in exactly one step", () => {
    const { trace } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const { steps } = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const emitted = steps.reduce((sum, step) => sum + step.emitted, 0);
    expect(emitted).toBe(trace.records.reduce((sum, record) => sum + record.outputTokens, 0));
  });

  it("keeps its place when the client's clock jitters by a third of a step", () => {
    const random = stream(3, "jitter");
    const noise = stream(3, "noise");
    const simulation = {
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
      noise: () => 1 + 0.05 * noise.normal(),
      jitterMs: () => 2 * random.uniform(),
    };
    const { trace, loads } = simulateSteps(simulation);
    const { steps } = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const seqSteps = (all: readonly { decodeSeqs: number }[], n: number) =>
      all.filter((load) => load.decodeSeqs === n).length;
    for (let n = 1; n <= 8; n++) {
      const simulated = seqSteps(loads, n);
      const found = seqSteps(
        steps.map((step) => step.load),
        n,
      );
      expect(Math.abs(found - simulated), `${n} sequences: ${found} of ${simulated}`).toBeLessThanOrEqual(
        Math.max(2, 0.03 * simulated),
      );
    }
  });

  it("keeps its place when two tokens come in one chunk, and leaves those gaps without a time", () => {
    const { trace } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const merged = trace.records.map((record, i) => {
      const gaps = Array.from(record.itlMs!);
      if (i % 3 !== 0 || gaps.length < 8) return record;
      const [third, fourth] = gaps.splice(2, 2);
      gaps.splice(2, 0, third! + fourth!);
      const itlTokens = Int32Array.from(gaps, (_, k) => (k === 2 ? 2 : 1));
      return { ...record, itlMs: Float64Array.from(gaps), itlTokens };
    });
    const whole = reconstructSteps(trace, { maxNumBatchedTokens: budget });
    const { steps, firstStep } = reconstructSteps(traceOf(merged), { maxNumBatchedTokens: budget });
    expect(Array.from(firstStep)).toEqual(Array.from(whole.firstStep));
    expect(steps.map(({ load }) => load)).toEqual(whole.steps.map(({ load }) => load));
  });

  it("doubts the steps during the life of a request whose tokens were not timed", () => {
    const { trace } = simulateSteps({
      requests: [
        { arrivalMs: 0, promptTokens: 100, outputTokens: 50 },
        { arrivalMs: 1000, promptTokens: 100, outputTokens: 50 },
      ],
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const failed = {
      promptTokens: 300,
      outputTokens: 0,
      arrivalMs: 1100,
      elapsedMs: 150,
      finishReason: "error",
    };
    const { steps } = reconstructSteps(traceOf([...trace.records, failed], budget));
    const doubtful = steps.filter((step) => step.doubt !== undefined);
    expect(doubtful.length).toBeGreaterThan(10);
    for (const step of doubtful) {
      expect(step.endMs).toBeGreaterThanOrEqual(1100);
      expect(step.endMs).toBeLessThanOrEqual(1270);
    }
  });

  it("refuses a budget that is no positive integer", () => {
    expect(() => reconstructSteps(traceOf([]), { maxNumBatchedTokens: 0 })).toThrow(/maxNumBatchedTokens/);
  });
});
