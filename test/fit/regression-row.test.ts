import { describe, expect, it } from "vitest";
import type { Observation } from "../../lib/fit/observation.js";
import { isSideStable, regressionRow, rowColumns, rowSides } from "../../lib/fit/regression-row.js";
import {
  emptyStepLoad,
  type StepCoefficients,
  type StepForm,
  type StepLoad,
  stepPricer,
  sumForm,
} from "../../lib/latency/index.js";
import { observationOf } from "./observation-of.js";
import { freePrices as free } from "./step-simulator.js";

const maxForm: StepForm = { combine: "max", expertShare: 0 };

/** Ten steps with 3 sequences of 700 tokens in each: a long prefill of two steps, a short one of one, the rest decodes. */
const span = observationOf({
  kind: "span",
  steps: 10,
  load: {
    prefillTokens: 1040,
    prefillTokenDepth: 90_400,
    prefillSeqs: 4,
    decodeSeqs: 30,
    decodeContextTokens: 7000,
  },
  prefillSteps: [
    { endMs: 5, tokens: 1000, tokenDepth: 90_000, chunks: 3, steps: 2 },
    { endMs: 9, tokens: 4, tokenDepth: 40, chunks: 1, steps: 1 },
  ],
});

function rowOf(o: Observation, form: StepForm, sides?: readonly boolean[], pricesChunks = true): number[] {
  return Array.from(regressionRow(o, form, pricesChunks, sides));
}

describe("regressionRow", () => {
  it("of a sum is the load, and of an isolated request its overhead too", () => {
    const isolated = observationOf({
      kind: "isolated",
      steps: 2,
      promptTokens: 900,
      load: { prefillTokens: 800, prefillTokenDepth: 5000, prefillSeqs: 2 },
    });
    expect(rowOf(isolated, sumForm)).toEqual([2, 800, 5000, 2, 0, 0, 0, 1, 900]);
    expect(rowOf(isolated, sumForm, undefined, false)).toEqual([2, 800, 5000, 0, 0, 0, 0, 1, 900]);
    expect(rowOf(span, sumForm)).toEqual([10, 1040, 90_400, 4, 30, 7000, 0, 0, 0]);
  });

  it("of a maximum is a prefill where that takes longer, once a step, and the pass of all other steps", () => {
    expect(rowOf(span, maxForm, [true, false])).toEqual([8, 1000, 90_000, 2, 24, 5600, 0, 0, 0]);
    expect(rowOf(span, maxForm, [false, true])).toEqual([9, 4, 40, 1, 27, 6300, 0, 0, 0]);
    expect(rowOf(span, maxForm, [true, true])).toEqual([7, 1004, 90_040, 3, 21, 4900, 0, 0, 0]);
    expect(rowOf(span, maxForm, [true, true], false)).toEqual([7, 1004, 90_040, 0, 21, 4900, 0, 0, 0]);
  });

  it("of a maximum all of whose steps are the pass is that of a sum without the prefills", () => {
    const ofSum = rowOf({ ...span, load: { ...span.load, ...noPrefill } }, sumForm);
    expect(rowOf(span, maxForm, [false, false])).toEqual(ofSum);
  });

  it("has no fewer than no steps of the pass, where prefills are told to take more steps than there are", () => {
    const crowded = { ...span, steps: 1, load: { ...span.load, decodeSeqs: 3 } };
    const row = rowOf(crowded, { ...maxForm, expertShare: 0.5 }, [true, true]);
    expect(row).toEqual([0, 1004, 90_040, 3, 0, 0, 0, 0, 0]);
  });

  it("takes prefills that are not told one by one for alike: as many steps as an isolated request has, else one", () => {
    const load = { prefillTokens: 600, prefillTokenDepth: 50, prefillSeqs: 3, decodeSeqs: 8 };
    const inSteps = (kind: Observation["kind"], steps: number) =>
      rowOf(observationOf({ kind, steps, load }), maxForm, [true]).slice(0, 5);
    expect(inSteps("isolated", 4)).toEqual([0, 600, 50, 4, 0]);
    expect(inSteps("chunk", 4)).toEqual([3, 600, 50, 1, 6]);
    expect(inSteps("service", 1)).toEqual([0, 600, 50, 1, 0]);
  });

  it("counts the share of the experts that each pass reads, and none of a dense model", () => {
    const half = (combine: StepForm["combine"]): StepForm => ({ combine, expertShare: 0.5 });
    const read = (tokens: number) => 1 - 0.5 ** tokens;
    const passes = (combine: StepForm["combine"], sides?: boolean[]) =>
      rowOf(span, half(combine), sides)[rowColumns.expertPassMs];
    expect(passes("sum")).toBeCloseTo(2 * read(503) + read(7) + 7 * read(3), 12);
    expect(passes("max", [true, false])).toBeCloseTo(read(7) + 7 * read(3), 12);
    expect(passes("max", [false, true])).toBeCloseTo(2 * read(503) + 7 * read(3), 12);
    expect(passes("max", [true, true])).toBeCloseTo(7 * read(3), 12);
    const few = observationOf({ kind: "isolated", steps: 2, load: { prefillTokens: 4, prefillSeqs: 2 } });
    expect(rowOf(few, half("sum"))[rowColumns.expertPassMs]).toBeCloseTo(2 * read(2), 12);
    expect(rowOf(few, sumForm)[rowColumns.expertPassMs]).toBe(0);
  });

  it("times the prices is what the steps cost one by one", () => {
    const prices: StepCoefficients = {
      stepMs: 8,
      prefillTokenMs: 0.03,
      prefillTokenDepthMs: 1e-6,
      prefillSeqMs: 0.4,
      decodeSeqMs: 0.2,
      decodeContextTokenMs: 0.001,
      expertPassMs: 5,
    };
    const listed: Partial<StepLoad>[] = [
      ...[0, 1].map(() => ({ prefillTokens: 500, prefillTokenDepth: 45_000, prefillSeqs: 1.5 })),
      { prefillTokens: 4, prefillTokenDepth: 40, prefillSeqs: 1 },
      ...Array.from({ length: 7 }, () => ({})),
    ];
    const whole = { prefillTokens: 1004, prefillTokenDepth: 90_040, prefillSeqs: 4 };
    for (const expertShare of [0, 0.1])
      for (const combine of ["sum", "max"] as const) {
        const form = { combine, expertShare };
        const cost = stepPricer(expertShare > 0 ? prices : { ...prices, expertPassMs: 0 }, form);
        const beside = { ...emptyStepLoad(), decodeSeqs: 3, decodeContextTokens: 700 };
        const expected = listed.reduce((sum, load) => sum + cost({ ...beside, ...load }), 0);
        const o = { ...span, load: { ...span.load, ...whole } };
        const row = rowOf(o, form, combine === "max" ? rowSides(o, form, prices) : undefined);
        const priced = Object.entries(rowColumns).reduce(
          (sum, [name, column]) =>
            sum + row[column] * ((prices as unknown as Record<string, number>)[name] ?? 0),
          0,
        );
        expect(priced).toBeCloseTo(expected, 9);
      }
  });
});

const noPrefill = { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0 };

describe("rowSides", () => {
  const o = observationOf({
    kind: "span",
    steps: 4,
    load: { decodeSeqs: 40, decodeContextTokens: 4000 },
    prefillSteps: [{ endMs: 1, tokens: 600, tokenDepth: 6000, chunks: 4, steps: 2 }],
  });

  it("before there are prices are told by a step's prompt tokens", () => {
    const ofTokens = (tokens: number, steps: number) =>
      rowSides(
        { ...o, prefillSteps: [{ endMs: 1, tokens, tokenDepth: 1, chunks: steps, steps }] },
        maxForm,
        undefined,
      );
    expect(ofTokens(256, 1)).toEqual([true]);
    expect(ofTokens(255, 1)).toEqual([false]);
    expect(ofTokens(511, 2)).toEqual([false]);
    expect(ofTokens(512, 2)).toEqual([true]);
    expect(rowSides(span, maxForm, undefined)).toEqual([true, false]);
  });

  it("are one for each prefill, and none without", () => {
    const ofTokens = (prefillTokens: number) =>
      rowSides(observationOf({ kind: "chunk", load: { prefillTokens } }), maxForm, undefined);
    expect(ofTokens(0)).toEqual([]);
    expect(ofTokens(1)).toEqual([false]);
  });

  it.each([
    [{ prefillTokenMs: 1 }, 300],
    [{ prefillTokenDepthMs: 1 }, 3000],
    [{ prefillSeqMs: 7 }, 7],
  ])("with prices are the prefill's where a step of it costs more than the pass: %j", (prices, ms) => {
    const beside = (stepMs: number) => rowSides(o, maxForm, { ...free, ...prices, stepMs });
    expect(beside(ms - 0.01)).toEqual([true]);
    expect(beside(ms)).toEqual([false]);
    expect(beside(ms + 0.01)).toEqual([false]);
  });

  it.each([
    [{ decodeSeqMs: 1 }, 0, 10],
    [{ decodeContextTokenMs: 1 }, 0, 1000],
    [{ expertPassMs: 8 }, 0.1, 8],
  ])("compare it to the pass of the decodes beside it: %j", (prices, expertShare, ms) => {
    const costing = (prefillMs: number) =>
      rowSides(o, { ...maxForm, expertShare }, { ...free, ...prices, prefillTokenMs: prefillMs / 300 });
    expect(costing(ms * 1.001)).toEqual([true]);
    expect(costing(ms * 0.999)).toEqual([false]);
  });
});

describe("isSideStable", () => {
  it("is whether no prefill changed its side", () => {
    expect(isSideStable([[true, false], [], [true]], [[true, false], [], [true]])).toBe(true);
    expect(isSideStable([[true, false], [true]], [[true, true], [true]])).toBe(false);
    expect(isSideStable([[true], [false]], [[true], [true]])).toBe(false);
  });
});
