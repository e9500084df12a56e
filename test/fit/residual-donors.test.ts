import { describe, expect, it } from "vitest";
import type { Observation } from "../../lib/fit/observation.js";
import {
  type FittedObservations,
  noiseDonors,
  residualsByKind,
  splitOverhead,
} from "../../lib/fit/residual-donors.js";
import { prefillClass, seqsClass } from "../../lib/latency/step-classes.js";
import { observationOf } from "./observation-of.js";

interface Fitted {
  readonly observation: Observation;
  readonly predictedMs: number;
  readonly outsideMs?: number;
  readonly kept?: boolean;
}

function fittedOf(all: readonly Fitted[]): FittedObservations {
  return {
    observations: all.map(({ observation }) => observation),
    predictedMs: Float64Array.from(all, ({ predictedMs }) => predictedMs),
    outsideMs: Float64Array.from(all, ({ outsideMs = 0 }) => outsideMs),
    kept: all.map(({ kept = true }) => kept),
  };
}

function times<T>(n: number, of: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => of(i));
}

describe("noiseDonors", () => {
  const gap = (ms: number, run: number): Fitted => ({
    observation: observationOf({ ms, run, load: { decodeSeqs: 5 } }),
    predictedMs: 10,
  });

  it("are observed over predicted, in runs, in the bin of their kind of step", () => {
    const [bin, ...others] = noiseDonors(fittedOf(times(60, (i) => gap(10 + (i % 5), Math.floor(i / 20)))));
    expect(others).toEqual([]);
    expect(bin).toMatchObject({ row: 0, column: seqsClass(5) });
    expect(Array.from(bin.values)).toEqual(times(60, (i) => 1 + (i % 5) / 10));
    expect(Array.from(bin.runStarts)).toEqual([0, 20, 40]);
  });

  it("of isolated TTFTs are the part in the engine's steps, in the bin of one of its chunks", () => {
    const isolated: Fitted = {
      observation: observationOf({
        kind: "isolated",
        ms: 45,
        steps: 2,
        load: { prefillTokens: 800, prefillSeqs: 2 },
      }),
      predictedMs: 25,
      outsideMs: 5,
    };
    const [bin] = noiseDonors(fittedOf(times(40, () => isolated)));
    expect(bin).toMatchObject({ row: prefillClass(400), column: 0 });
    expect(new Set(bin.values)).toEqual(new Set([2]));
  });

  it("are none below zero, and of a TTFT shorter than its overhead next to nothing", () => {
    const isolated: Fitted = {
      observation: observationOf({ kind: "isolated", ms: 4, load: { prefillTokens: 10 } }),
      predictedMs: 25,
      outsideMs: 5,
    };
    const [bin] = noiseDonors(fittedOf(times(40, () => isolated)));
    expect(new Set(bin.values)).toEqual(new Set([1e-4]));
  });

  it("leave out TTFTs of which less than 70 % are steps", () => {
    const isolated = (outsideMs: number): Fitted => ({
      observation: observationOf({ kind: "isolated", ms: 20, load: { prefillTokens: 10 } }),
      predictedMs: 20,
      outsideMs,
    });
    expect(noiseDonors(fittedOf(times(40, () => isolated(6.1))))).toEqual([]);
    expect(noiseDonors(fittedOf(times(40, () => isolated(6))))).toHaveLength(1);
  });

  it("leave out sums of many steps, which say nothing of one step's noise", () => {
    for (const kind of ["span", "service"] as const) {
      const observation = observationOf({ kind, load: { decodeSeqs: 5 } });
      expect(noiseDonors(fittedOf(times(60, () => ({ observation, predictedMs: 10 }))))).toEqual([]);
    }
  });

  it("keep the strays of common kinds of step, and not those of rare ones", () => {
    const withStray = (n: number) => [...times(n, (i) => gap(10, i)), { ...gap(90, n), kept: false }];
    const largest = (all: Fitted[]) => Math.max(...noiseDonors(fittedOf(all))[0].values);
    expect(largest(withStray(60))).toBe(9);
    expect(largest(withStray(10))).toBe(1);
  });
});

describe("splitOverhead", () => {
  const isolated = (residualMs: number, prefillTokens: number): Fitted => ({
    observation: observationOf({ kind: "isolated", ms: 50 + residualMs, load: { prefillTokens } }),
    predictedMs: 50,
  });
  const other: Fitted = { observation: observationOf({ ms: 900 }), predictedMs: 10 };

  it("moves what the shortest residual lacks from the constant to the donors", () => {
    const split = splitOverhead(fittedOf([other, isolated(-2, 9), isolated(3, 8), isolated(0.12347, 7)]), 7);
    expect(split.requestMs).toBeCloseTo(5, 12);
    expect(split.emissionMs).toEqual([0, 2.1235, 5]);
  });

  it("gives no more than the constant has, and no donor below zero", () => {
    const split = splitOverhead(
      fittedOf([isolated(-8, 9), isolated(-4, 9), isolated(-1, 8), isolated(3, 8)]),
      2,
    );
    expect(split.requestMs).toBe(0);
    expect(split.emissionMs).toEqual([0, 0, 1, 5]);
  });

  it("keeps the constant where no residual is below zero", () => {
    const split = splitOverhead(fittedOf([isolated(1, 9), isolated(3, 8)]), 7);
    expect(split).toEqual({ requestMs: 7, emissionMs: [1, 3] });
  });

  it("looks at the quarter with the shortest prefills, and at 20 at least", () => {
    const donorsOf = (n: number) => {
      // The residual tells the rank by prefill tokens; they come in no order.
      const all = times(n, (i) => isolated((i * 37) % n, 100 + ((i * 37) % n)));
      return splitOverhead(fittedOf(all), 0).emissionMs;
    };
    expect(donorsOf(101)).toEqual(times(26, (i) => i));
    expect(donorsOf(61)).toEqual(times(20, (i) => i));
    expect(donorsOf(15)).toEqual(times(15, (i) => i));
  });

  it("keeps 500 donors of more, at even quantiles from the least to the largest", () => {
    const { emissionMs } = splitOverhead(fittedOf(times(4 * 999, (i) => isolated(i, i))), 0);
    expect(emissionMs).toEqual(times(500, (i) => 2 * i));
  });

  it("has one donor for one isolated request, and none for none", () => {
    expect(splitOverhead(fittedOf([isolated(4, 9)]), 7)).toEqual({ requestMs: 7, emissionMs: [4] });
    expect(splitOverhead(fittedOf([other]), 7)).toEqual({ requestMs: 7, emissionMs: [] });
  });
});

describe("residualsByKind", () => {
  it("says what was predicted, kind by kind, and nothing of kinds that were not observed", () => {
    const of = (kind: Observation["kind"], ms: number, predictedMs: number): Fitted => ({
      observation: observationOf({ kind, ms }),
      predictedMs,
    });
    const residuals = residualsByKind(
      fittedOf([
        of("service", 20, 10),
        of("decode", 11, 10),
        of("isolated", 12, 10),
        of("span", 15, 10),
        of("decode", 13, 10),
        of("chunk", 14, 10),
      ]),
    );
    expect(residuals.map(({ of: what, n, relative }) => [what, n, Number(relative.p50.toFixed(9))])).toEqual([
      ["TTFT of isolated requests", 1, 0.2],
      ["gaps with decodes only", 2, 0.2],
      ["gaps with a prefill chunk", 1, 0.4],
      ["first to last token", 1, 0.5],
      ["scheduled to first token", 1, 1],
    ]);
    expect(residualsByKind(fittedOf([of("decode", 11, 10)])).map((r) => r.of)).toEqual([
      "gaps with decodes only",
    ]);
  });

  it("measures the variance without the observations that were trimmed", () => {
    const gaps = [8, 10, 12].map((ms) => ({ observation: observationOf({ ms }), predictedMs: ms }));
    const stray = { observation: observationOf({ ms: 500 }), predictedMs: 10, kept: false };
    expect(residualsByKind(fittedOf([...gaps, stray]))[0].rSquared).toBe(1);
    expect(residualsByKind(fittedOf([...gaps, { ...stray, kept: true }]))[0].rSquared).toBeLessThan(0);
  });
});
