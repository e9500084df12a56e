import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StepWarp } from "../../lib/fit/step-warp.js";
import { TokenFlow } from "../../lib/fit/token-flow.js";
import { priceStep } from "../../lib/latency/index.js";
import { somePrices } from "./step-simulator.js";

const span = fc
  .record({
    first: fc.integer({ min: 0, max: 1000 }),
    width: fc.integer({ min: 1, max: 500 }),
    steps: fc.integer({ min: 1, max: 300 }),
    promptTokens: fc.integer({ min: 1, max: 4000 }),
  })
  .map(({ first, width, steps, promptTokens }) => ({ first, last: first + width, steps, promptTokens }));

describe("TokenFlow", () => {
  it("counts every token of every span once over all time", () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 30 }), (spans) => {
        const total = new TokenFlow(spans).between(-1, 2000);
        const tokens = spans.reduce((sum, { steps }) => sum + steps, 0);
        const context = spans.reduce(
          (sum, { steps, promptTokens }) => sum + steps * (promptTokens + steps / 2),
          0,
        );
        expect(total.decodeSeqs / tokens).toBeCloseTo(1, 6);
        expect(total.decodeContextTokens / context).toBeCloseTo(1, 6);
      }),
    );
  });

  it("agrees with adding up small slices of time, span by span", () => {
    const spans = [
      { first: 0, last: 100, steps: 50, promptTokens: 200 },
      { first: 40, last: 90, steps: 10, promptTokens: 1000 },
    ];
    const slices = 10_000;
    let tokens = 0;
    let context = 0;
    for (let i = 0; i < slices; i++) {
      const at = 30 + ((i + 0.5) * 50) / slices;
      for (const { first, last, steps, promptTokens } of spans) {
        if (at < first || at > last) continue;
        const emitted = (steps / (last - first)) * (50 / slices);
        tokens += emitted;
        context += emitted * (promptTokens + (steps * (at - first)) / (last - first));
      }
    }
    const window = new TokenFlow(spans).between(30, 80);
    expect(window.decodeSeqs).toBeCloseTo(tokens, 1);
    expect(window.decodeContextTokens / context).toBeCloseTo(1, 3);
  });
});

describe("StepWarp", () => {
  it("counts the steps of a lone decode by the price of its step", () => {
    const load = {
      prefillTokens: 0,
      prefillTokenDepth: 0,
      prefillSeqs: 0,
      decodeSeqs: 1,
      decodeContextTokens: 150,
    };
    const stepMs = priceStep(somePrices, load);
    const decode = { firstTokenMs: 0, lastTokenMs: 100 * stepMs, steps: 100, promptTokens: 100 };
    const warp = new StepWarp([decode], [], somePrices);
    expect(warp.at(100 * stepMs) - warp.at(0)).toBeCloseTo(100, 6);
    expect(warp.at(50 * stepMs) - warp.at(0)).toBeCloseTo(50, 6);
  });

  it("gives a prefill its steps, however long they take", () => {
    const decode = { firstTokenMs: 0, lastTokenMs: 1000, steps: 100, promptTokens: 100 };
    const prefill = { endMs: 600, tokens: 1000, tokenDepth: 500_000, chunks: 2, steps: 2 };
    const without = new StepWarp([decode], [], somePrices);
    const withPrefill = new StepWarp([decode], [prefill], somePrices);
    const load = {
      prefillTokens: 0,
      prefillTokenDepth: 0,
      prefillSeqs: 0,
      decodeSeqs: 1,
      decodeContextTokens: 150,
    };
    const decodeMs = priceStep(somePrices, load);
    const prefillMs =
      1000 * somePrices.prefillTokenMs +
      500_000 * somePrices.prefillTokenDepthMs +
      2 * somePrices.prefillSeqMs;
    expect(without.at(1000) - withPrefill.at(1000)).toBeCloseTo(prefillMs / decodeMs, 6);
  });

  it("never runs backwards", () => {
    const decodes = fc.array(
      fc.record({
        firstTokenMs: fc.integer({ min: 0, max: 500 }),
        widthMs: fc.integer({ min: 1, max: 500 }),
        steps: fc.integer({ min: 1, max: 100 }),
        promptTokens: fc.integer({ min: 1, max: 2000 }),
      }),
      { minLength: 1, maxLength: 10 },
    );
    const ends = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 10 });
    fc.assert(
      fc.property(decodes, ends, (given, endsMs) => {
        const spans = given.map(({ widthMs, ...rest }) => ({
          ...rest,
          lastTokenMs: rest.firstTokenMs + widthMs,
        }));
        const prefills = endsMs
          .sort((a, b) => a - b)
          .map((endMs) => ({ endMs, tokens: 300, tokenDepth: 45_000, chunks: 1, steps: 1 }));
        const warp = new StepWarp(spans, prefills, somePrices);
        for (let at = 0; at < 1000; at += 7) expect(warp.at(at + 7)).toBeGreaterThanOrEqual(warp.at(at));
      }),
    );
  });
});
