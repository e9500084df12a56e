import { describe, expect, it } from "vitest";
import { fitEmpirical } from "../../lib/fit/fit-empirical.js";
import type { Observation } from "../../lib/fit/observation.js";
import type { FitRange } from "../../lib/latency/index.js";
import { observationOf } from "./observation-of.js";

const range: FitRange = { uncachedTokens: [1, 2], contextTokens: [1, 2], runningSeqs: [1, 2] };

const stackedReason = "chunk cost: gap with stacked prefills";
const aloneReason = "chunk cost: gap of a request with too few clean gaps";
const fewReason = "chunk cost: too few gaps, the service curve stands in";

/** Gaps of `n` decodes in a step. */
function gaps(n: number, decodeSeqs: number, ms: number, firstRun: number): Observation[] {
  return Array.from({ length: n }, (_, i) =>
    observationOf({ ms, run: firstRun + i, load: { decodeSeqs, decodeContextTokens: 200 * decodeSeqs } }),
  );
}

/** TTFTs of `request + steps * step + 0.1 u + 2e-5 depth` ms, or of `floor` a step where that is more. */
function isolated(n: number, { requestMs = 15, stepMs = 10, floorMs = 0 } = {}): Observation[] {
  return Array.from({ length: n }, (_, i) => {
    const prefillTokens = 20 + 25 * i;
    const prefillTokenDepth = ((1 + (i % 3)) * prefillTokens ** 2) / 2;
    const steps = Math.ceil(prefillTokens / 512);
    const inStepsMs = steps * stepMs + 0.1 * prefillTokens + 2e-5 * prefillTokenDepth;
    return observationOf({
      kind: "isolated",
      ms: requestMs + Math.max(inStepsMs, steps * floorMs),
      steps,
      load: { prefillTokens, prefillTokenDepth, prefillSeqs: steps },
      run: 1000 + i,
    });
  });
}

/** A chunk gap of a request whose clean gaps take 10 ms, or what is given. */
function chunk(
  run: number,
  prefillTokens: number,
  given: Partial<Observation> & { prefillSeqs?: number } = {},
) {
  const { prefillSeqs = 1, ...rest } = given;
  const prefillTokenDepth = prefillTokens * 40 * (1 + (run % 4));
  return observationOf({
    kind: "chunk",
    ms: 10 + 0.2 * prefillTokens + 3e-5 * prefillTokenDepth,
    run,
    load: { decodeSeqs: 1, decodeContextTokens: 200, prefillTokens, prefillTokenDepth, prefillSeqs },
    ...rest,
  });
}

/** Runs 0 to n - 1 with three clean gaps each, and a chunk gap each. */
function chunked(n: number): Observation[] {
  const clean = Array.from({ length: n }, (_, run) => gaps(3, 1, 10, 0).map((o) => ({ ...o, run }))).flat();
  return [...clean, ...Array.from({ length: n }, (_, run) => chunk(run, 50 + 37 * run))];
}

function fitted(observations: readonly Observation[]) {
  const { model, coefficients, residuals, leftOut, trimmed } = fitEmpirical(observations, range);
  const price = Object.fromEntries(coefficients.map(({ name, value }) => [name, value]));
  const json = model.toJson() as unknown as {
    kind: string;
    lone_prefill: Record<string, number>;
    chunk: Record<string, number>;
    gaps: { row: number; column: number; values: number[] }[];
    noise: { row: number; column: number; values: number[] }[];
    emission_ms: number[];
  };
  return { model, price, residuals, leftOut, trimmed, json, coefficients };
}

describe("fitEmpirical", () => {
  const observations = [...isolated(60), ...gaps(60, 1, 10, 2000), ...gaps(60, 4, 16, 3000), ...chunked(12)];

  it("prices a lone prefill on isolated TTFTs, a step of it as long as the shortest decode", () => {
    const { price, json } = fitted(observations);
    expect(price["lone_prefill.request_ms"]).toBeCloseTo(15, 3);
    expect(price["lone_prefill.step_ms"]).toBe(10);
    expect(price["lone_prefill.token_ms"]).toBeCloseTo(0.1, 5);
    expect(price["lone_prefill.token_depth_ms"]).toBeCloseTo(2e-5, 8);
    expect(json.lone_prefill.request_ms).toBeGreaterThan(13);
    expect(json.lone_prefill.request_ms).toBeLessThan(15.001);
    expect(json.lone_prefill.step_ms).toBe(10);
  });

  it("takes the step from the gaps of the fewest decodes, however many others there are and whichever comes last", () => {
    const { price } = fitted([...isolated(60), ...gaps(60, 1, 10, 2000), ...gaps(300, 4, 16, 3000)]);
    expect(price["lone_prefill.step_ms"]).toBe(10);
  });

  it("takes half the shortest TTFT for the step, where that is less than a decode", () => {
    const slow = observations.map((o) =>
      o.kind === "decode" && o.load.decodeSeqs === 1 ? { ...o, ms: 30 } : o,
    );
    const shortestMs = Math.min(...isolated(60).map(({ ms }) => ms));
    expect(fitted(slow).price["lone_prefill.step_ms"]).toBeCloseTo(shortestMs / 2, 9);
  });

  it("prices a chunk beside decodes on what a gap with one takes beyond its request's own median gap", () => {
    const { price, json, leftOut, trimmed } = fitted(observations);
    expect(price["chunk.token_ms"]).toBeCloseTo(0.2, 5);
    expect(price["chunk.token_depth_ms"]).toBeCloseTo(3e-5, 8);
    expect(json.chunk.token_ms).toBeCloseTo(0.2, 5);
    expect(leftOut).toEqual([]);
    expect(trimmed).toBe(0);
  });

  it("compares with the request's own gaps, whatever those of others take", () => {
    const own = observations.map((o) => (o.run < 12 ? { ...o, ms: o.ms + 7 * (o.run % 3) } : o));
    expect(fitted(own).price["chunk.token_ms"]).toBeCloseTo(0.2, 5);
  });

  it("prices what chunks take on average where they scatter alike, and not their median", () => {
    // Eleven take 1 % less, just as much, or 2 % more than 0.2 ms a token.
    const offPercent = [-1, 2, -1, 2, -1, 2, -1, 2, -1, 2, 0];
    const flat = offPercent.map((percent, run) =>
      chunk(run, 100, {
        ms: 10 + 100 * 0.2 * (1 + percent / 100),
        load: { ...chunk(run, 100).load, prefillTokenDepth: 0 },
      }),
    );
    const clean = chunked(11).filter(({ kind }) => kind === "decode");
    const { price } = fitted([...isolated(60), ...gaps(60, 1, 10, 2000), ...clean, ...flat]);
    expect(price["chunk.token_ms"]).toBeCloseTo(0.2 * (1 + 5 / 1100), 6);
  });

  it("leaves out chunk gaps with two prefills in them, and of requests with under three gaps of their own", () => {
    const { leftOut, price } = fitted([
      ...observations,
      chunk(0, 300, { prefillSeqs: 2, ms: 500 }),
      ...gaps(2, 1, 10, 0).map((o) => ({ ...o, run: 77 })),
      chunk(77, 300, { ms: 500 }),
      chunk(78, 300, { ms: 500 }),
    ]);
    expect(leftOut).toEqual([
      { reason: stackedReason, count: 1 },
      { reason: aloneReason, count: 2 },
    ]);
    expect(price["chunk.token_ms"]).toBeCloseTo(0.2, 5);
  });

  it("prices chunks as lone prefills where there are fewer than eight to go by", () => {
    const without = [...isolated(60), ...gaps(60, 1, 10, 2000)];
    expect(fitted([...without, ...chunked(8)]).price["chunk.token_ms"]).toBeCloseTo(0.2, 5);
    const { price, leftOut } = fitted([...without, ...chunked(7)]);
    expect(price["chunk.token_ms"]).toBe(price["lone_prefill.token_ms"]);
    expect(price["chunk.token_depth_ms"]).toBe(price["lone_prefill.token_depth_ms"]);
    expect(leftOut).toEqual([{ reason: fewReason, count: 7 }]);
  });

  it("weighs a chunk gap by its share of the step", () => {
    const flat = (share: number, tokenMs: number, run: number) =>
      chunk(run, 100, {
        ms: 10 + 100 * tokenMs,
        share,
        load: { ...chunk(run, 100).load, prefillTokenDepth: 0 },
      });
    const clean = chunked(12).filter(({ kind }) => kind === "decode");
    const chunks = Array.from({ length: 12 }, (_, run) =>
      run % 2 === 0 ? flat(1, 0.2, run) : flat(0.001, 0.3, run),
    );
    const { price } = fitted([...isolated(60), ...gaps(60, 1, 10, 2000), ...clean, ...chunks]);
    expect(price["chunk.token_ms"]).toBeCloseTo(0.2, 2);
  });

  it("meets what it was fitted on: gaps, chunks, and prefills of several steps", () => {
    const { residuals } = fitted(observations);
    expect(residuals.map(({ of, n }) => [of, n])).toEqual([
      ["TTFT of isolated requests", 60],
      ["gaps with decodes only", 156],
      ["gaps with a prefill chunk", 12],
    ]);
    for (const { of, relative } of residuals) {
      expect(Math.abs(relative.p05), of).toBeLessThan(1e-4);
      expect(Math.abs(relative.p95), of).toBeLessThan(1e-4);
    }
  });

  it("knows a shortest prefill step, however few tokens it has", () => {
    const short = isolated(40, { floorMs: 60 });
    const { json, price, residuals } = fitted([...short, ...gaps(60, 1, 10, 2000)]);
    expect(json.lone_prefill.floor_ms + price["lone_prefill.request_ms"]).toBeCloseTo(75, 1);
    const [ttft] = residuals;
    // Of prefills near the floor the curve alone would say less.
    expect(ttft.relative.p50).toBeLessThan(0.05);
    // Most of these are at the floor, and all at it are predicted at it: the curve of all lies below it there.
    const mostlyShort = fitted([...isolated(26, { floorMs: 60 }), ...gaps(60, 1, 10, 2000)]);
    expect(mostlyShort.residuals[0].relative.p50).toBeCloseTo(0, 9);
    const free = fitted([...isolated(60), ...gaps(60, 1, 10, 2000)]);
    expect(free.json.lone_prefill.floor_ms).toBeLessThan(15);
    expect(free.json.lone_prefill.floor_ms).toBeGreaterThan(10);
  });

  it("knows of no shortest prefill step where the curve is above the shortest TTFT without one", () => {
    const scattered = isolated(40).map((o, i) => ({ ...o, ms: i === 39 ? 20 : 90, steps: 1 }));
    const { json, price } = fitted([...scattered, ...gaps(60, 1, 10, 2000)]);
    expect(price["lone_prefill.request_ms"]).toBeGreaterThan(20);
    expect(json.lone_prefill.floor_ms).toBe(0);
  });

  it("keeps the gaps as they are, by concurrency, in runs", () => {
    const { json } = fitted(observations);
    expect(json.gaps.map(({ column }) => column)).toEqual([1, 4]);
    expect(new Set(json.gaps[0].values)).toEqual(new Set([10]));
    expect(new Set(json.gaps[1].values)).toEqual(new Set([16]));
  });

  it("keeps noise of steps with a prefill alone: gaps without one are drawn as they are", () => {
    const { json } = fitted(observations);
    expect(json.noise.length).toBeGreaterThan(0);
    for (const { row } of json.noise) expect(row).toBeGreaterThan(0);
  });

  it("keeps noise as observed over predicted, of an isolated TTFT the part in steps alone", () => {
    const slowTtfts = isolated(120).map((o, i) => (i % 2 === 1 ? { ...o, ms: 15 + 3 * (o.ms - 15) } : o));
    const slowChunks = chunked(60).map((o) =>
      o.kind === "chunk" && o.run % 3 === 0 ? { ...o, ms: 1.5 * o.ms } : o,
    );
    const { json } = fitted([...slowTtfts, ...gaps(60, 1, 10, 2000), ...slowChunks]);
    const valuesAt = (isColumn: (column: number) => boolean) =>
      json.noise
        .filter(({ column }) => isColumn(column))
        .flatMap(({ values }) => values.map((value) => Math.round(value * 1000) / 1000));
    expect(new Set(valuesAt((column) => column === 0))).toEqual(new Set([1, 3]));
    expect(new Set(valuesAt((column) => column > 0))).toEqual(new Set([1, 1.5]));
  });

  it("keeps the noise of the shortest prefills as well", () => {
    const short = Array.from({ length: 60 }, (_, i) => {
      const prefillTokens = 3 + (i % 30);
      const load = { prefillTokens, prefillTokenDepth: prefillTokens ** 2 / 2, prefillSeqs: 1 };
      return observationOf({ kind: "isolated", ms: 40 + prefillTokens, load, run: 1000 + i });
    });
    const { json } = fitted([...short, ...gaps(60, 1, 35, 2000)]);
    expect(json.noise.map(({ row, column }) => [row, column])).toEqual([[1, 0]]);
  });

  it("keeps the overhead's part on the way out as donors", () => {
    const varied = observations.map((o, i) => (o.kind === "isolated" ? { ...o, ms: o.ms + 3 * (i % 2) } : o));
    const { json, price } = fitted(varied);
    expect(Math.max(...json.emission_ms)).toBeGreaterThan(2);
    expect(json.lone_prefill.request_ms).toBeLessThanOrEqual(price["lone_prefill.request_ms"]);
  });

  it("names what it found", () => {
    const { coefficients, json, model } = fitted(observations);
    expect(json.kind).toBe("empirical");
    expect(model.range).toEqual(range);
    expect(coefficients.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
      "lone_prefill.request_ms ms/request",
      "lone_prefill.step_ms ms/step",
      "lone_prefill.token_ms ms/token",
      "lone_prefill.token_depth_ms ms/token^2",
      "chunk.token_ms ms/token",
      "chunk.token_depth_ms ms/token^2",
    ]);
    for (const { meaning } of coefficients) expect(meaning).not.toBe("");
  });

  it("is refused without gaps between tokens", () => {
    expect(() => fitEmpirical(isolated(60), range)).toThrow(/needs gaps between tokens/);
  });
});
