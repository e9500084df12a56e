import { beforeAll, describe, expect, it } from "vitest";
import { InputError, stream } from "../../lib/base/index.js";
import { fitLatency } from "../../lib/fit/index.js";
import { type LatencyModel, latencyModelFromJson, priceStep } from "../../lib/latency/index.js";
import { fittingSweep, simulateSteps, somePrices, traceOf } from "./step-simulator.js";

const budget = 512;

function sweep(seed: number, relativeNoise: number, strays = 0) {
  const noise = stream(seed, "noise");
  return simulateSteps({
    requests: fittingSweep(),
    prices: somePrices,
    maxNumBatchedTokens: budget,
    arrivalOverheadMs: (promptTokens) => 3 + 0.002 * promptTokens,
    emissionOverheadMs: () => 1 + (relativeNoise > 0 ? noise.uniform() : 0.5),
    noise: () => (1 + relativeNoise * noise.normal()) * (noise.uniform() < strays ? 3 : 1),
  }).trace;
}

function coefficientsOf(report: ReturnType<typeof fitLatency>["report"]) {
  return Object.fromEntries(report.coefficients.map(({ name, value }) => [name, value]));
}

describe("fitLatency, physical", () => {
  it("finds the prices of a noiseless engine", () => {
    const { report } = fitLatency([sweep(1, 0)], { maxNumBatchedTokens: budget });
    const found = coefficientsOf(report);
    expect(found.step_ms).toBeCloseTo(somePrices.stepMs, 3);
    expect(found.prefill_token_ms).toBeCloseTo(somePrices.prefillTokenMs, 5);
    expect(found.prefill_token_depth_ms).toBeCloseTo(somePrices.prefillTokenDepthMs, 8);
    expect(found.prefill_seq_ms).toBeCloseTo(somePrices.prefillSeqMs, 3);
    expect(found.decode_seq_ms).toBeCloseTo(somePrices.decodeSeqMs, 4);
    expect(found.decode_context_token_ms).toBeCloseTo(somePrices.decodeContextTokenMs, 7);
    expect(found.request_ms).toBeCloseTo(4.5, 3);
    expect(found.prompt_token_ms).toBeCloseTo(0.002, 6);
  });

  it("says it was fitted on the sizes of the records it was given, not of those left out", () => {
    const trace = sweep(3, 0.05);
    const largestOf = (isFitted: (promptTokens: number) => boolean) =>
      fitLatency([trace], {
        maxNumBatchedTokens: budget,
        isFitted: ({ promptTokens }) => isFitted(promptTokens),
      }).model.range.contextTokens[1];
    expect(largestOf((promptTokens) => promptTokens < 1000)).toBeLessThan(1100);
    expect(largestOf(() => true)).toBeGreaterThan(3000);
  });

  it("prices steps within 3 % under 8 % step noise and a stray tripled step in fifty", () => {
    const { model, report } = fitLatency([sweep(7, 0.08, 0.02)], { maxNumBatchedTokens: budget });
    expect(report.trimmed).toBeGreaterThan(20);
    const timer = model.timer(1);
    const loads = [
      { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0, decodeSeqs: 4, decodeContextTokens: 3000 },
      {
        prefillTokens: 500,
        prefillTokenDepth: 125000,
        prefillSeqs: 1,
        decodeSeqs: 3,
        decodeContextTokens: 2000,
      },
    ];
    for (const load of loads) {
      const drawn = Array.from({ length: 4001 }, () => timer.stepMs(load)).sort((a, b) => a - b);
      expect(Math.abs(drawn[2000]! / priceStep(somePrices, load) - 1)).toBeLessThan(0.03);
    }
  });
});

describe.each(["physical", "empirical"] as const)("a fitted %s model", (kind) => {
  let model: LatencyModel;

  beforeAll(() => {
    ({ model } = fitLatency([sweep(5, 0.1)], { kind, maxNumBatchedTokens: budget }));
  });

  const load = {
    prefillTokens: 0,
    prefillTokenDepth: 0,
    prefillSeqs: 0,
    decodeSeqs: 2,
    decodeContextTokens: 900,
  };
  const draw = (from: LatencyModel, seed: number) => {
    const timer = from.timer(seed);
    return Array.from({ length: 300 }, () => [timer.stepMs(load), timer.emissionOverheadMs()]);
  };

  it("draws the same times for the same seed and others for another", () => {
    expect(draw(model, 4)).toEqual(draw(model, 4));
    expect(draw(model, 4)).not.toEqual(draw(model, 5));
  });

  it("survives JSON: the same times, the same JSON", () => {
    const text = JSON.stringify(model.toJson());
    const back = latencyModelFromJson(JSON.parse(text));
    expect(JSON.stringify(back.toJson())).toBe(text);
    expect(draw(back, 4)).toEqual(draw(model, 4));
    expect(back.range).toEqual(model.range);
  });
});

describe("a fit is refused", () => {
  it("on an empty trace, saying what is missing", () => {
    expect(() => fitLatency([traceOf([])])).toThrow(InputError);
    expect(() => fitLatency([traceOf([])])).toThrow(/0 requests that were alone.*0 inter-token gaps/);
  });

  it("when no request was ever alone on the engine", () => {
    const requests = Array.from({ length: 40 }, (_, i) => ({
      arrivalMs: i * 20,
      promptTokens: 100,
      outputTokens: 40,
    }));
    const { trace } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: budget });
    expect(() => fitLatency([trace])).toThrow(/capture some at concurrency 1/);
  });
});
