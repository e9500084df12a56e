import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  emptyStepLoad,
  expertsRead,
  latencyModelFromJson,
  physicalModel,
  priceStep,
  type StepCoefficients,
  type StepForm,
  stepPricer,
  stepSides,
  sumForm,
} from "../../lib/latency/index.js";

const prices: StepCoefficients = {
  stepMs: 10,
  prefillTokenMs: 0.02,
  prefillTokenDepthMs: 1e-6,
  prefillSeqMs: 2,
  decodeSeqMs: 0.1,
  decodeContextTokenMs: 3e-5,
};
const maxForm: StepForm = { combine: "max", expertShare: 0 };
const someLoad = fc.record({
  prefillTokens: fc.integer({ min: 0, max: 8192 }),
  prefillTokenDepth: fc.integer({ min: 0, max: 4e7 }),
  prefillSeqs: fc.integer({ min: 0, max: 8 }),
  decodeSeqs: fc.integer({ min: 0, max: 256 }),
  decodeContextTokens: fc.integer({ min: 0, max: 1e6 }),
});

describe("stepPricer", () => {
  it("adds the parts of a sum, and takes the longer side of a maximum: never more than the sum, never less than a side", () => {
    fc.assert(
      fc.property(someLoad, (load) => {
        const sum = stepPricer(prices, sumForm)(load);
        expect(sum).toBe(priceStep(prices, load));
        const longer = stepPricer(prices, maxForm)(load);
        const { passMs, prefillMs } = stepSides(prices, maxForm, load);
        expect(longer).toBe(Math.max(passMs, prefillMs));
        expect(longer).toBeLessThanOrEqual(sum + 1e-9);
      }),
      { seed: 7 },
    );
  });

  it("makes a short prefill beside decodes free, and decodes beside a long one", () => {
    const price = stepPricer(prices, maxForm);
    const decodes = { ...emptyStepLoad(), decodeSeqs: 20, decodeContextTokens: 20_000 };
    const short = { prefillTokens: 100, prefillTokenDepth: 5000, prefillSeqs: 1 };
    const long = { prefillTokens: 4000, prefillTokenDepth: 8e6, prefillSeqs: 1 };
    expect(price({ ...decodes, ...short })).toBe(price(decodes));
    expect(price({ ...decodes, ...long })).toBe(price({ ...emptyStepLoad(), ...long }));
  });

  it("lets stacked prefills of a maximum share one pass", () => {
    const stacked = { ...emptyStepLoad(), prefillTokens: 4000, prefillTokenDepth: 1e6 };
    const price = stepPricer(prices, maxForm);
    expect(price({ ...stacked, prefillSeqs: 4 })).toBe(price({ ...stacked, prefillSeqs: 1 }));
    expect(stepPricer(prices, sumForm)({ ...stacked, prefillSeqs: 4 })).toBeCloseTo(
      stepPricer(prices, sumForm)({ ...stacked, prefillSeqs: 1 }) + 3 * prices.prefillSeqMs,
      9,
    );
  });
});

describe("a mixture of experts", () => {
  const moe: StepForm = { combine: "sum", expertShare: 8 / 128 };

  it("reads the share of its experts that uniform routing of its tokens gives", () => {
    // 8 of 128 experts a token: 6, 23, 40, 64, 87, 98 % at 1, 4, 8, 16, 32, 64 tokens.
    const read = [1, 4, 8, 16, 32, 64].map((decodeSeqs) =>
      Math.round(100 * expertsRead(moe, { ...emptyStepLoad(), decodeSeqs })),
    );
    expect(read).toEqual([6, 23, 40, 64, 87, 98]);
    expect(expertsRead(moe, { ...emptyStepLoad(), prefillTokens: 500 })).toBeCloseTo(1, 9);
    expect(expertsRead(sumForm, { ...emptyStepLoad(), decodeSeqs: 4 })).toBe(0);
  });

  it("grows steeply with the first sequences, then flattens, in both forms", () => {
    for (const combine of ["sum", "max"] as const) {
      const price = stepPricer({ ...prices, expertPassMs: 20 }, { ...moe, combine });
      const at = (decodeSeqs: number) => price({ ...emptyStepLoad(), decodeSeqs });
      const slopes = [1, 8, 32, 128].map((seqs) => at(seqs + 1) - at(seqs));
      for (let i = 1; i < slopes.length; i++) expect(slopes[i]).toBeLessThan(slopes[i - 1]);
      expect(slopes[3]).toBeCloseTo(prices.decodeSeqMs, 2);
    }
  });
});

describe("a model's form in JSON", () => {
  const model = (form?: StepForm, expertPassMs?: number) =>
    physicalModel({
      step: { ...prices, ...(expertPassMs !== undefined && { expertPassMs }) },
      ...(form && { form }),
      overhead: { requestMs: 1, promptTokenMs: 0 },
      range: { uncachedTokens: [1, 10], contextTokens: [1, 10], runningSeqs: [1, 10] },
    });

  it("reads back: the same text, the same times", () => {
    const written = model({ combine: "max", expertShare: 8 / 128 }, 20);
    const text = JSON.stringify(written.toJson());
    const back = latencyModelFromJson(JSON.parse(text));
    expect(JSON.stringify(back.toJson())).toBe(text);
    const load = { ...emptyStepLoad(), decodeSeqs: 5, prefillTokens: 30, prefillSeqs: 1 };
    expect(back.timer(1).stepMs(load)).toBe(written.timer(1).stepMs(load));
  });

  it("is a sum where a file has none, and refused where it is no form", () => {
    const json = JSON.parse(JSON.stringify(model().toJson()));
    expect(json.step_form).toBeUndefined();
    const load = { ...emptyStepLoad(), decodeSeqs: 5, prefillTokens: 3000, prefillSeqs: 1 };
    expect(latencyModelFromJson(json).timer(1).stepMs(load)).toBe(priceStep(prices, load));
    expect(() => latencyModelFromJson({ ...json, step_form: { combine: "mean" } })).toThrow(
      /step_form.combine must be "sum" or "max", got "mean"/,
    );
    expect(() => latencyModelFromJson({ ...json, step_form: { combine: "max", expert_share: 2 } })).toThrow(
      /step_form.expert_share/,
    );
  });
});
