import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fitPhysical } from "../../lib/fit/fit-physical.js";
import type { Observation } from "../../lib/fit/observation.js";
import { type FitRange, priceStep, stepCoefficientNames } from "../../lib/latency/index.js";
import { observationOf } from "./observation-of.js";
import { somePrices } from "./step-simulator.js";

interface Case {
  readonly name: string;
  readonly observations: {
    readonly kind: Observation["kind"];
    readonly steps: number;
    readonly tokens: number;
    readonly depth: number;
    readonly chunks: number;
    readonly seqs: number;
    readonly context: number;
    readonly prompt: number;
    readonly share: number;
    readonly ms: number;
  }[];
  readonly ridge: number;
  readonly coefficients: number[];
  readonly trimmed: number;
}

const { physical: cases } = JSON.parse(
  readFileSync(new URL("../reference/fit/fits.json", import.meta.url), "utf8"),
) as { physical: Case[] };

const range: FitRange = { uncachedTokens: [1, 2], contextTokens: [1, 2], runningSeqs: [1, 2] };

function observationsOf({ observations }: Case): Observation[] {
  return observations.map(
    ({ kind, ms, steps, tokens, depth, chunks, seqs, context, prompt, share }, run) => ({
      kind,
      ms,
      steps,
      load: {
        prefillTokens: tokens,
        prefillTokenDepth: depth,
        prefillSeqs: chunks,
        decodeSeqs: seqs,
        decodeContextTokens: context,
      },
      promptTokens: prompt,
      share,
      run,
    }),
  );
}

/** Isolated TTFTs and decode gaps of an engine at {@link somePrices} whose requests cost 4 ms and 2 us a prompt token. */
function exactObservations(): Observation[] {
  const isolated = Array.from({ length: 40 }, (_, i) => {
    const tokens = 20 + 11 * i;
    const promptTokens = tokens + (i % 4) * 100;
    const load = { prefillTokens: tokens, prefillTokenDepth: (tokens * (i + 3) * 20) / 2, prefillSeqs: 1 };
    const o = observationOf({ kind: "isolated", promptTokens, load, run: i });
    return { ...o, ms: 4 + 0.002 * promptTokens + priceStep({ ...somePrices, prefillSeqMs: 0 }, o.load) };
  });
  const gaps = Array.from({ length: 60 }, (_, i) => {
    const decodeSeqs = 1 + (i % 8);
    const load = { decodeSeqs, decodeContextTokens: decodeSeqs * (100 + 13 * i) };
    const o = observationOf({ load, run: 100 + i, share: 1 / decodeSeqs });
    return { ...o, ms: priceStep(somePrices, o.load) };
  });
  return [...isolated, ...gaps];
}

describe("fitPhysical", () => {
  it.each(cases)("agrees with the same definition on scipy's nnls: $name", (expected) => {
    const { coefficients, trimmed } = fitPhysical(observationsOf(expected), range, { ridge: expected.ridge });
    coefficients.forEach(({ name, value }, i) => {
      const truth = expected.coefficients[i];
      expect(Math.abs(value - truth), name).toBeLessThan(1e-5 * (1e-6 + truth));
    });
    expect(trimmed).toBe(expected.trimmed);
  });

  it("names its prices as the step and overhead tables do, and returns the step's for whoever goes on from them", () => {
    const { coefficients, step, leftOut, residuals, model } = fitPhysical(exactObservations(), range);
    expect(coefficients.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
      "step_ms ms/step",
      "prefill_token_ms ms/token",
      "prefill_token_depth_ms ms/token^2",
      "prefill_seq_ms ms/chunk",
      "decode_seq_ms ms/sequence",
      "decode_context_token_ms ms/token",
      "request_ms ms/request",
      "prompt_token_ms ms/token",
    ]);
    for (const { meaning } of coefficients) expect(meaning).not.toBe("");
    expect(stepCoefficientNames.map((name) => step[name])).toEqual(
      coefficients.slice(0, 6).map(({ value }) => value),
    );
    expect(step.stepMs).toBeCloseTo(somePrices.stepMs, 6);
    expect(coefficients[6].value).toBeCloseTo(4, 6);
    expect(coefficients[7].value).toBeCloseTo(0.002, 8);
    expect(leftOut).toEqual([]);
    expect(residuals.map(({ of, n }) => [of, n])).toEqual([
      ["TTFT of isolated requests", 40],
      ["gaps with decodes only", 60],
    ]);
    expect(residuals[0].rSquared).toBeCloseTo(1, 9);
    expect(model.kind).toBe("physical");
    expect(model.range).toEqual(range);
    const timer = model.timer(1);
    expect(timer.arrivalOverheadMs(0)).toBeCloseTo(4, 6);
    expect(timer.arrivalOverheadMs(1000)).toBeCloseTo(6, 6);
  });

  it("takes noise from the steps alone, not from the overhead around them", () => {
    // Steps are a tenth slower than their price in every isolated request: the price of a token goes up by it.
    const observations = exactObservations().map((o, i) =>
      o.kind === "isolated" ? { ...o, ms: o.ms + (i % 2 === 0 ? 1 : -1) } : o,
    );
    const fit = fitPhysical(observations, range);
    const json = fit.model.toJson() as unknown as { noise: { row: number; values: number[] }[] };
    const prefills = json.noise.filter(({ row }) => row > 0).flatMap(({ values }) => values);
    const [requestMs, promptTokenMs] = fit.coefficients.slice(6).map(({ value }) => value);
    const expected = observations
      .filter(({ kind }) => kind === "isolated")
      .flatMap((o) => {
        const inStepsMs = priceStep(fit.step, { ...o.load, prefillSeqs: 0 });
        const outsideMs = requestMs + promptTokenMs * o.promptTokens;
        return inStepsMs < 0.7 * (inStepsMs + outsideMs) ? [] : [(o.ms - outsideMs) / inStepsMs];
      });
    const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
    expect(prefills.length).toBeGreaterThan(20);
    sorted(prefills).forEach((value, i) => {
      expect(value).toBeCloseTo(sorted(expected)[i], 3);
    });
  });

  it("takes noise for what a slow step took over its price, whatever the way to the engine costs", () => {
    // Some steps take twice their price; all else is exact, so that the fit leaves them out.
    const slow = exactObservations().map((o) => {
      const outsideMs = o.kind === "isolated" ? 4 + 0.002 * o.promptTokens : 0;
      return { ...o, ms: outsideMs + 2 * (o.ms - outsideMs) };
    });
    const some = (i: number) => i % 5 === 3;
    const all = [0, 1, 2, 3].flatMap(() => exactObservations().map((o, i) => (some(i) ? slow[i] : o)));
    const json = fitPhysical(all, range).model.toJson() as unknown as {
      noise: { row: number; values: number[] }[];
    };
    for (const isRow of [(row: number) => row === 0, (row: number) => row > 0]) {
      const values = json.noise.filter(({ row }) => isRow(row)).flatMap((bin) => bin.values);
      expect(new Set(values.map((value) => Math.round(value * 1000) / 1000))).toEqual(new Set([1, 2]));
    }
  });

  it("prices a chunk where twenty were seen, and takes it for free where fewer were", () => {
    const withChunks = (n: number, kind: "chunk" | "span") => {
      const chunks = Array.from({ length: n }, (_, i) => {
        const prefillTokens = 20 + 31 * ((i * 7) % n);
        const prefillTokenDepth = prefillTokens * 50 * (1 + (i % 5));
        const decodeSeqs = 1 + (i % 3);
        const load = {
          prefillTokens,
          prefillTokenDepth,
          prefillSeqs: 1 + (i % 2),
          decodeSeqs,
          decodeContextTokens: decodeSeqs * 300,
        };
        const o = observationOf({ kind, load, run: 500 + i });
        return { ...o, ms: priceStep(somePrices, o.load) };
      });
      return fitPhysical([...exactObservations(), ...chunks], range).coefficients[3];
    };
    for (const kind of ["chunk", "span"] as const) {
      expect(withChunks(20, kind)).toMatchObject({ name: "prefill_seq_ms" });
      expect(withChunks(20, kind).value).toBeGreaterThan(0.5);
      expect(withChunks(19, kind).value).toBe(0);
    }
  });

  it("prices no chunk that it has not seen, however much less than nothing the rest would have it cost", () => {
    const gaps = Array.from({ length: 60 }, (_, i) => {
      const decodeSeqs = 4 + (i % 8);
      return observationOf({ load: { decodeSeqs }, run: i, ms: 2 * decodeSeqs - 3 });
    });
    expect(fitPhysical(gaps, range).step.prefillSeqMs).toBe(0);
  });

  it("adds what is known of a request's overhead to what isolated TTFTs tell", () => {
    const gaps = exactObservations().filter(({ kind }) => kind === "decode");
    const { coefficients, model } = fitPhysical(gaps, range, { knownRequestMs: 7 });
    expect(coefficients[6]).toMatchObject({ name: "request_ms", value: 7 });
    expect(model.timer(1).arrivalOverheadMs(50)).toBe(7);
    expect(fitPhysical(gaps, range).coefficients[6].value).toBe(0);
  });

  it("moves the constant overhead into donors of the way out, where TTFTs vary around it", () => {
    const observations = exactObservations().map((o, i) =>
      o.kind === "isolated" ? { ...o, ms: o.ms + (i % 2) } : o,
    );
    const { coefficients, model } = fitPhysical(observations, range);
    const timer = model.timer(3);
    const drawn = Array.from({ length: 400 }, () => timer.emissionOverheadMs());
    const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
    expect(Math.min(...drawn)).toBeLessThan(0.1);
    expect(Math.max(...drawn)).toBeGreaterThan(0.9);
    expect(timer.arrivalOverheadMs(0)).toBeLessThan(coefficients[6].value - 0.3);
    expect(timer.arrivalOverheadMs(0) + mean).toBeCloseTo(coefficients[6].value, 0);
  });

  it("counts the observations that it trimmed", () => {
    const observations = exactObservations();
    const strays = observations.map((o, i) => (i % 25 === 12 ? { ...o, ms: 4 * o.ms } : o));
    expect(fitPhysical(strays, range).trimmed).toBe(4);
  });
});
