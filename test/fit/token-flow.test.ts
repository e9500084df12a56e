import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile } from "../../lib/base/index.js";
import { StepWarp } from "../../lib/fit/step-warp.js";
import { decodeSpan, preemptedSpans, TokenFlow } from "../../lib/fit/token-flow.js";
import { priceStep } from "../../lib/latency/index.js";
import { recordOf, timedRecord } from "./record-of.js";
import { freePrices, somePrices } from "./step-simulator.js";

const span = fc
  .record({
    first: fc.integer({ min: 0, max: 1000 }),
    width: fc.integer({ min: 1, max: 500 }),
    steps: fc.integer({ min: 1, max: 300 }),
    promptTokens: fc.integer({ min: 1, max: 4000 }),
  })
  .map(({ first, width, steps, promptTokens }) => ({ first, last: first + width, steps, promptTokens }));

describe("decodeSpan", () => {
  it("runs from the first token to the last, one step for each token after the first", () => {
    expect(decodeSpan(timedRecord(1000, 50, [5, 6, 7], { promptTokens: 30 }))).toEqual({
      firstTokenMs: 1050,
      lastTokenMs: 1068,
      steps: 3,
      promptTokens: 30,
    });
    const itlSummary = { meanMs: 8, count: 4 };
    expect(decodeSpan(recordOf({ arrivalMs: 0, ttftMs: 10, outputTokens: 5, itlSummary }))).toEqual({
      firstTokenMs: 10,
      lastTokenMs: 42,
      steps: 4,
      promptTokens: 100,
    });
  });

  it("is undefined without arrival, first token, gaps, or a second token", () => {
    const { arrivalMs, ttftMs, itlMs, ...record } = timedRecord(0, 10, [5]);
    expect(decodeSpan({ ...record, ttftMs: 10, itlMs: Float64Array.of(5) })).toBeUndefined();
    expect(decodeSpan({ ...record, arrivalMs: 0, itlMs: Float64Array.of(5) })).toBeUndefined();
    expect(decodeSpan({ ...record, arrivalMs: 0, ttftMs: 10 })).toBeUndefined();
    expect(decodeSpan({ ...record, arrivalMs: 0, ttftMs: 10, itlMs: Float64Array.of(5) })).toBeDefined();
    expect(decodeSpan(timedRecord(0, 10, [5], { outputTokens: 1 }))).toBeUndefined();
    expect(decodeSpan(timedRecord(0, 10, [0]))).toBeUndefined();
    expect(decodeSpan(timedRecord(0, 10, [0.5]))).toMatchObject({ firstTokenMs: 10, lastTokenMs: 10.5 });
  });
});

describe("preemptedSpans", () => {
  const decode = (firstTokenMs: number, lastTokenMs: number, steps: number) => ({
    firstTokenMs,
    lastTokenMs,
    steps,
    promptTokens: 100,
  });

  it("are those slower than 80 % of the third quartile of the pace beside them", () => {
    // Three make a step a millisecond, so the third quartile is one.
    const beside = [decode(0, 1000, 1000), decode(0, 1000, 1000), decode(0, 1000, 1000)];
    expect(preemptedSpans([...beside, decode(0, 1000, 799)])).toEqual([false, false, false, true]);
    expect(preemptedSpans([...beside, decode(0, 1000, 800)])).toEqual([false, false, false, false]);
  });

  it("go by the upper quartile: two slow ones of four do not excuse each other", () => {
    const spans = [decode(0, 1000, 10), decode(0, 1000, 10), decode(0, 1000, 3), decode(0, 1000, 3)];
    expect(preemptedSpans(spans)).toEqual([false, false, true, true]);
    // The third quartile of 1, 2, 3 and 5 is 3.5, and 80 % of it 2.8.
    const ramp = [decode(0, 1000, 1), decode(0, 1000, 2), decode(0, 1000, 3), decode(0, 1000, 5)];
    expect(preemptedSpans(ramp)).toEqual([true, true, false, false]);
  });

  it("are compared with the spans at their middle alone, ends included", () => {
    const slow = decode(1000, 2000, 2);
    expect(preemptedSpans([slow, decode(0, 1499, 15)])).toEqual([false, false]);
    expect(preemptedSpans([slow, decode(0, 1500, 15), decode(0, 1500, 15)])).toEqual([true, false, false]);
    expect(preemptedSpans([slow, decode(1501, 3000, 15)])).toEqual([false, false]);
    expect(preemptedSpans([slow, decode(1500, 3000, 15), decode(1500, 3000, 15)])).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("are those that a look at all spans for each of them finds", () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 30 }), (drawn) => {
        const spans = drawn.map(({ first, last, steps }) => decode(first, last, steps));
        const pace = (s: (typeof spans)[number]) => s.steps / (s.lastTokenMs - s.firstTokenMs);
        const slow = spans.map((s) => {
          const middleMs = (s.firstTokenMs + s.lastTokenMs) / 2;
          const beside = spans.filter((o) => o.firstTokenMs <= middleMs && o.lastTokenMs >= middleMs);
          return pace(s) < 0.8 * quantile(beside.map(pace), 0.75)!;
        });
        expect(preemptedSpans(spans)).toEqual(slow);
      }),
      { numRuns: 500 },
    );
  });

  it("are none where nothing is known", () => {
    expect(preemptedSpans([undefined, decode(0, 10, 1), undefined])).toEqual([false, false, false]);
    expect(preemptedSpans([])).toEqual([]);
  });
});

describe("TokenFlow", () => {
  it("gives of any window the tokens that fall into it and what they attend, span by span", () => {
    const time = fc.integer({ min: -50, max: 1600 });
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 12 }), time, time, (spans, a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        let tokens = 0;
        let context = 0;
        for (const { first, last, steps, promptTokens } of spans) {
          const start = Math.max(from, first);
          const end = Math.min(to, last);
          if (end <= start) continue;
          const rate = steps / (last - first);
          const [before, after] = [rate * (start - first), rate * (end - first)];
          tokens += after - before;
          context += promptTokens * (after - before) + (after ** 2 - before ** 2) / 2;
        }
        const window = new TokenFlow(spans).between(from, to);
        expect(Math.abs(window.decodeSeqs - tokens)).toBeLessThan(1e-6 * (1 + tokens));
        expect(Math.abs(window.decodeContextTokens - context)).toBeLessThan(1e-5 * (1 + context));
      }),
      { numRuns: 500 },
    );
  });

  it("has no tokens of spans without length, nor of none", () => {
    const empty = new TokenFlow([
      { first: 5, last: 5, steps: 3, promptTokens: 10 },
      { first: 7, last: 6, steps: 3, promptTokens: 10 },
    ]);
    expect(empty.between(0, 10)).toEqual({ decodeSeqs: 0, decodeContextTokens: 0 });
    expect(new TokenFlow([]).between(0, 10)).toEqual({ decodeSeqs: 0, decodeContextTokens: 0 });
  });

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

  it("counts steps at the price of what was decoding, piece by piece", () => {
    const prices = {
      stepMs: 5,
      prefillTokenMs: 0.1,
      prefillTokenDepthMs: 0.001,
      prefillSeqMs: 2,
      decodeSeqMs: 3,
      decodeContextTokenMs: 0.01,
    };
    const spans = [
      { firstTokenMs: 100, lastTokenMs: 1100, steps: 100, promptTokens: 150 },
      { firstTokenMs: 500, lastTokenMs: 900, steps: 40, promptTokens: 280 },
    ];
    // Contexts at their means: 200 and 300. Alone the first makes a step in 5 + 3 + 2 ms, both in 5 + 6 + 5.
    const lone = 10;
    const both = 16;
    const warp = new StepWarp(spans, [], prices);
    expect(warp.at(100)).toBe(0);
    expect(warp.at(0)).toBe(0);
    expect(warp.at(300)).toBeCloseTo(200 / lone, 9);
    expect(warp.at(500)).toBeCloseTo(400 / lone, 9);
    expect(warp.at(660)).toBeCloseTo(400 / lone + 160 / both, 9);
    expect(warp.at(900)).toBeCloseTo(400 / lone + 400 / both, 9);
    expect(warp.at(1100)).toBeCloseTo(600 / lone + 400 / both, 9);
    expect(warp.at(5000)).toBe(warp.at(1100));

    // 400 tokens in two chunks, one a step, beside both decodes; the second ends at 800 ms.
    const prefill = { endMs: 800, tokens: 400, tokenDepth: 16_000, chunks: 2, steps: 2 };
    const stepMs = both + (0.1 * 400 + 0.001 * 16_000 + 2 * 2) / 2;
    const beside = new StepWarp(spans, [prefill], prices);
    const began = 800 - 2 * stepMs;
    expect(beside.at(began)).toBeCloseTo(400 / lone + (began - 500) / both, 9);
    expect(beside.at(800 - stepMs) - beside.at(began)).toBeCloseTo(1, 9);
    expect(beside.at(800) - beside.at(began)).toBeCloseTo(2, 9);
    expect(beside.at(900) - beside.at(800)).toBeCloseTo(100 / both, 9);
    expect(beside.at(1100) - beside.at(900)).toBeCloseTo(200 / lone, 9);
  });

  it("prices a prefill that ends as a decode ends beside that decode, one that ends as it begins without it", () => {
    const prices = {
      stepMs: 5,
      prefillTokenMs: 0.1,
      prefillTokenDepthMs: 0,
      prefillSeqMs: 0,
      decodeSeqMs: 3,
      decodeContextTokenMs: 0,
    };
    const spans = [
      { firstTokenMs: 0, lastTokenMs: 1000, steps: 100, promptTokens: 100 },
      { firstTokenMs: 400, lastTokenMs: 600, steps: 10, promptTokens: 100 },
    ];
    const prefill = (endMs: number) => ({ endMs, tokens: 100, tokenDepth: 0, chunks: 1, steps: 1 });
    const ended = new StepWarp(spans, [prefill(600)], prices);
    expect(ended.at(600) - ended.at(600 - 21)).toBeCloseTo(1, 9);
    const began = new StepWarp(spans, [prefill(400)], prices);
    expect(began.at(400) - began.at(400 - 18)).toBeCloseTo(1, 9);
    expect(began.at(416) - began.at(400)).toBeCloseTo(16 / 11, 9);
  });

  it("squeezes a prefill that can only have begun after the one before it ended", () => {
    const decode = { firstTokenMs: 0, lastTokenMs: 1000, steps: 100, promptTokens: 100 };
    const prefill = (endMs: number) => ({ endMs, tokens: 500, tokenDepth: 0, chunks: 1, steps: 1 });
    const prices = { ...somePrices, decodeContextTokenMs: 0, prefillSeqMs: 0, prefillTokenDepthMs: 0 };
    const stepMs = 6.4 + 60;
    const warp = new StepWarp([decode], [prefill(500), prefill(520)], prices);
    expect(warp.at(500) - warp.at(500 - stepMs)).toBeCloseTo(1, 9);
    expect(warp.at(520) - warp.at(500)).toBeCloseTo(20 / stepMs, 9);
    expect(warp.at(640) - warp.at(520)).toBeCloseTo(120 / 6.4, 9);
  });

  it("takes a microsecond at least for a step that costs nothing", () => {
    const decode = { firstTokenMs: 0, lastTokenMs: 10, steps: 10, promptTokens: 100 };
    expect(new StepWarp([decode], [], freePrices).at(10)).toBeCloseTo(10_000, 6);
    const prefill = { endMs: 5, tokens: 10, tokenDepth: 0, chunks: 1, steps: 1 };
    expect(new StepWarp([decode], [prefill], freePrices).at(10)).toBeCloseTo(10_000, 6);
  });

  it("makes no steps where nothing decodes", () => {
    const prefill = { endMs: 5, tokens: 10, tokenDepth: 0, chunks: 1, steps: 1 };
    const warp = new StepWarp([], [prefill], somePrices);
    expect(warp.at(0)).toBe(0);
    expect(warp.at(100)).toBe(0);
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
