import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import {
  type CompareOptions,
  compareTraces,
  type ErrorCell,
  type Quantity,
  ttftDistances,
} from "../../lib/judge/index.js";
import { replay } from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { quantileRatio } from "../../lib/survival/index.js";
import type { TraceRecord } from "../../lib/trace/index.js";
import { linearModel } from "../engine/linear-model.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";
import { repeated, sessionsOf, traceOf, ttftTrace } from "./judged-traces.js";

function cellOf(
  cells: readonly ErrorCell[],
  group: string,
  quantity: Quantity = "ttft",
  quantile = 0.5,
): ErrorCell {
  return cells.find((c) => c.group === group && c.quantity === quantity && c.quantile === quantile)!;
}

/** 40 requests of 100 ms, modeled at another time. */
function against(modeledMs: number, options: Partial<CompareOptions> = {}) {
  return compareTraces(
    { trace: ttftTrace(repeated(100, 40)), sessions: sessionsOf(10, 4) },
    { modeled: [ttftTrace(repeated(modeledMs, 40))], ...options },
  );
}

describe("the verdict of compareTraces", () => {
  it.each([
    [125, "pass"],
    [75, "pass"],
    [125.001, "fail"],
    [74.999, "fail"],
    [100, "pass"],
    [1000, "fail"],
    [1, "fail"],
  ] as const)("of 100 ms modeled as %d ms at a tolerance of a quarter is %s", (modeledMs, verdict) => {
    const comparison = against(modeledMs, { tolerance: 0.25 });
    expect(comparison.verdict).toBe(verdict);
    const cell = cellOf(comparison.cells, "all");
    expect(cell.holds).toBe(verdict === "pass");
    expect(cell.error).toBeCloseTo(modeledMs / 100 - 1, 12);
    expect(comparison.tolerance).toBe(0.25);
  });

  it.each([
    [109, "pass"],
    [91, "pass"],
    [111, "fail"],
    [89, "fail"],
  ] as const)("of 100 ms modeled as %d ms is by default %s", (modeledMs, verdict) => {
    expect(against(modeledMs).verdict).toBe(verdict);
  });

  it("fails for one number that is off, and passes without it", () => {
    // Of 40 requests only the last turn of each session is too fast: p90 of all holds, the median of turns 2+ too.
    const captured = ttftTrace(repeated(100, 40));
    const sessions = sessionsOf(10, 4);
    const fast = (turn: number) => Array.from(sessions.turn, (t) => (t === turn ? 50 : 100));
    const workload = { trace: captured, sessions };
    const all = compareTraces(workload, { modeled: [ttftTrace(fast(4))] });
    expect(all.cells.filter((c) => c.gates && !c.holds)).toEqual([]);
    expect(all.verdict).toBe("pass");
    const more = compareTraces(workload, {
      modeled: [ttftTrace(Array.from(fast(4), (v, i) => (i % 4 === 3 || i % 4 === 2 ? 50 : v)))],
    });
    expect(more.cells.filter((c) => c.gates && !c.holds).length).toBeGreaterThan(0);
    expect(more.verdict).toBe("fail");
  });

  it("is none below 30 values, and there from 30 on", () => {
    const of = (n: number) =>
      compareTraces(
        { trace: ttftTrace(repeated(100, n)), sessions: sessionsOf(n, 1) },
        { modeled: [ttftTrace(repeated(500, n))] },
      );
    expect(of(29).verdict).toBe("none");
    expect(of(29).cells.some((c) => c.gates)).toBe(false);
    expect(of(30).verdict).toBe("fail");
  });

  it("is none without any latency", () => {
    const bare = traceOf(repeated(0, 40).map(() => ({})));
    const comparison = compareTraces({ trace: bare, sessions: sessionsOf(40, 1) }, { modeled: [bare] });
    expect(comparison).toMatchObject({ cells: [], verdict: "none", curves: [] });
  });

  it.each([
    [0.9, 49, false],
    [0.9, 50, true],
    [0.99, 499, false],
    [0.99, 500, true],
  ])("gates on p = %d of %d values: %s, for five must be beyond it", (quantile, n, gates) => {
    const trace = ttftTrace(repeated(100, n));
    const { cells } = compareTraces({ trace, sessions: sessionsOf(n, 1) }, { modeled: [trace] });
    expect(cellOf(cells, "all", "ttft", quantile).gates).toBe(gates);
  });

  it("counts captured values, not modeled ones", () => {
    const captured = traceOf(repeated(100, 40).map((ttftMs, i) => (i < 29 ? { ttftMs } : {})));
    const modeled = [ttftTrace(repeated(100, 40))];
    const { cells } = compareTraces({ trace: captured, sessions: sessionsOf(40, 1) }, { modeled });
    expect(cellOf(cells, "all")).toMatchObject({ n: 29, gates: false });
  });

  it("gates on cohorts alone, not on requests by how many were in flight", () => {
    const busy = (ttftMs: number) =>
      traceOf(repeated(ttftMs, 40).map((ms) => ({ ttftMs: ms, concurrency: 1 })));
    const { cells } = compareTraces(
      { trace: busy(100), sessions: sessionsOf(40, 1) },
      { modeled: [busy(200)] },
    );
    expect(cellOf(cells, "in flight 1")).toMatchObject({ n: 40, gates: false, holds: false });
    expect(cellOf(cells, "all").gates).toBe(true);
  });

  it("is none for a what-if, whose numbers differ and do not err", () => {
    const comparison = against(67_000, { kind: "difference" });
    expect(comparison).toMatchObject({ kind: "difference", verdict: "none" });
    expect(comparison.cells.some((c) => c.gates)).toBe(false);
    expect(cellOf(comparison.cells, "all").error).toBeCloseTo(669, 9);
    expect(against(100).kind).toBe("error");
  });

  it("needs a modeled trace", () => {
    expect(() => against(100, { modeled: [] })).toThrow("modeled must hold at least one trace, got none");
  });
});

describe("the numbers of compareTraces", () => {
  const draw = stream(3, "numbers");
  const levels = Array.from({ length: 30 }, () => 1 + draw.exponential(1));
  const gapsOf = (scale: number) => Float64Array.from({ length: 6 }, () => scale * (5 + draw.exponential(2)));
  const captureOf = (slowdown: number) =>
    traceOf(
      Array.from({ length: 120 }, (_, i): Partial<TraceRecord> => {
        const itlMs = gapsOf(slowdown);
        return {
          ttftMs: slowdown * levels[Math.floor(i / 4)]! * (50 + draw.exponential(10)),
          itlMs,
          outputTokens: itlMs.length + 1,
          finishReason: "length",
          concurrency: (i % 9) + 1,
        };
      }),
    );
  const captured = captureOf(1);
  const seeds = [captureOf(1.05), captureOf(1.2)];
  const sessions = sessionsOf(30, 4);
  const { cells, seeds: seedCount } = compareTraces({ trace: captured, sessions }, { modeled: seeds });

  it("are quantiles of TTFT, gaps and totals of each cohort, definition 7", () => {
    const type7 = (values: readonly number[], p: number): number => {
      const sorted = [...values].sort((a, b) => a - b);
      const at = (sorted.length - 1) * p;
      const below = Math.floor(at);
      return sorted[below]! + (at - below) * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
    };
    const later = captured.records.filter((_, i) => i % 4 !== 0);
    for (const [quantity, values] of [
      ["ttft", later.map((r) => r.ttftMs!)],
      ["itl", later.flatMap((r) => Array.from(r.itlMs!))],
      ["total", later.map((r) => r.ttftMs! + r.itlMs!.reduce((a, b) => a + b))],
    ] as const)
      for (const p of [0.5, 0.9, 0.99]) {
        const cell = cellOf(cells, "turns2plus", quantity, p);
        expect(cell.n).toBe(values.length);
        expect(cell.capturedMs).toBeCloseTo(type7(values, p), 9);
      }
  });

  it("are means over the seeds", () => {
    expect(seedCount).toBe(2);
    const single = seeds.map((seed) => compareTraces({ trace: captured, sessions }, { modeled: [seed] }));
    for (const cell of cells) {
      const { group, quantity, quantile } = cell;
      const [one, two] = single.map((s) => cellOf(s.cells, group, quantity, quantile).modeledMs!);
      expect(cell.modeledMs).toBeCloseTo((one! + two!) / 2, 9);
      expect(cell.error).toBeCloseTo(cell.modeledMs! / cell.capturedMs! - 1, 12);
    }
  });

  it("have the 95 % interval of the pooled seeds against the capture, paired by session, and it holds the error", () => {
    const sample = (traces: typeof seeds) => ({
      times: traces.flatMap((t) => t.records.map((r) => r.ttftMs!)),
      clusters: traces.flatMap(() => Array.from(sessions.session)),
    });
    const limits = (level: number) =>
      quantileRatio(sample(seeds), sample([captured]), 0.5, { paired: true, level });
    const { lower, upper } = limits(0.95);
    const { interval, error } = cellOf(cells, "all", "ttft", 0.5);
    expect(interval).toEqual([Math.min(error!, lower! - 1), Math.max(error!, upper! - 1)]);
    expect(interval![0]).toBeCloseTo(lower! - 1, 12);
    expect(limits(0.9).lower).toBeGreaterThan(lower! + 1e-6);
    const apart = quantileRatio(sample(seeds), sample([captured]), 0.5);
    expect(apart.lower).toBeLessThan(lower! - 1e-6);
    for (const cell of cells) {
      if (!cell.interval) continue;
      expect(cell.interval[0]).toBeLessThanOrEqual(cell.error!);
      expect(cell.interval[1]).toBeGreaterThanOrEqual(cell.error!);
    }
  });

  it.each([
    ["above", [100, 300, 1300]],
    ["below", [10, 300, 300]],
  ])(
    "have an interval that holds the error where the mean over seeds is %s the median of all",
    (_, seedsMs) => {
      // In every session the median of all seeds is 300 ms: alone, they would leave nothing else open.
      const same = (ms: number) => ttftTrace(repeated(ms, 40));
      const { cells: found } = compareTraces(
        { trace: same(100), sessions: sessionsOf(10, 4) },
        { modeled: seedsMs.map(same) },
      );
      const { error, interval } = cellOf(found, "all");
      expect(error).toBeCloseTo(seedsMs.reduce((sum, ms) => sum + ms) / 300 - 1, 12);
      expect(interval![0]).toBeLessThanOrEqual(error!);
      expect(interval![1]).toBeGreaterThanOrEqual(error!);
    },
  );

  it("stand beside the distances of the whole curves, captured against the first seed", () => {
    const { curves } = compareTraces({ trace: captured, sessions }, { modeled: seeds });
    expect(curves).toEqual(ttftDistances({ trace: captured, sessions }, seeds[0]!));
    expect(curves.every((c) => c.ks > 0)).toBe(true);
  });

  it("have no interval where the values cannot give one, or none is wanted", () => {
    expect(cellOf(cells, "all", "ttft", 0.5).interval).toBeDefined();
    expect(cellOf(cells, "all", "ttft", 0.99).interval).toBeUndefined();
    const bare = compareTraces({ trace: captured, sessions }, { modeled: seeds, intervals: false });
    expect(bare.cells.some((c) => c.interval !== undefined)).toBe(false);
    expect(bare.cells.map(({ error }) => error)).toEqual(cells.map(({ error }) => error));
  });

  it("count a TTFT and gaps of a request that failed later, and a total only of a complete one", () => {
    const failed = { ...captured.records[0]!, finishReason: "error" };
    const trace = { ...captured, records: [failed, ...captured.records.slice(1)] };
    const { cells: found } = compareTraces({ trace, sessions }, { modeled: [trace] });
    expect(cellOf(found, "all", "ttft").n).toBe(120);
    expect(cellOf(found, "all", "itl").n).toBe(720);
    expect(cellOf(found, "all", "total").n).toBe(119);
  });

  it("are of the requests that the capture measured alone: others count on neither side", () => {
    // Every other answer was not streamed. A model of the others that is far off is no error of those that were.
    const rows = Array.from({ length: 80 }, (_, i) => i);
    const gaps = { outputTokens: 3, finishReason: "stop", itlMs: Float64Array.of(5, 5) };
    const streamed = { ...gaps, ttftMs: 100 };
    const plain = { outputTokens: 3, finishReason: "stop", elapsedMs: 900 };
    const partly = traceOf(rows.map((i) => (i % 2 === 0 ? streamed : plain)));
    const slow = { ...gaps, ttftMs: 1000, itlMs: Float64Array.of(50, 50) };
    const modeled = traceOf(rows.map((i) => (i % 2 === 0 ? streamed : slow)));
    const found = compareTraces({ trace: partly, sessions: sessionsOf(20, 4) }, { modeled: [modeled] });
    for (const quantity of ["ttft", "itl", "total"] as const)
      expect(cellOf(found.cells, "all", quantity, 0.9)).toMatchObject({
        n: quantity === "itl" ? 80 : 40,
        error: 0,
      });
    expect(found.verdict).toBe("pass");
    expect(found.curves.map(({ ks }) => ks)).toEqual([0, 0, 0]);
    // A request that failed is none that was not measured: the model's wait of it stays.
    const failed = traceOf(
      rows.map((i) => (i % 2 === 0 ? streamed : { outputTokens: 0, elapsedMs: 50, finishReason: "timeout" })),
    );
    const { cells } = compareTraces({ trace: failed, sessions: sessionsOf(20, 4) }, { modeled: [modeled] });
    expect(cellOf(cells, "all", "ttft", 0.9)).toMatchObject({ n: 40, modeledMs: 1000 });
  });

  it("leave a model out that has no such number, and have no error without one", () => {
    const silent = traceOf(captured.records.map(() => ({})));
    const { cells: half } = compareTraces({ trace: captured, sessions }, { modeled: [seeds[0]!, silent] });
    expect(cellOf(half, "all").modeledMs).toBe(
      cellOf(compareTraces({ trace: captured, sessions }, { modeled: [seeds[0]!] }).cells, "all").modeledMs,
    );
    const { cells: none } = compareTraces({ trace: captured, sessions }, { modeled: [silent] });
    const cell = cellOf(none, "all");
    expect([cell.error, cell.modeledMs, cell.interval, cell.holds]).toEqual([
      undefined,
      undefined,
      undefined,
      false,
    ]);
    expect(cell.capturedMs).toBeGreaterThan(0);
  });

  it("have an error against a capture below a millisecond", () => {
    const { cells: found } = compareTraces(
      { trace: ttftTrace(repeated(0.5, 40)), sessions: sessionsOf(40, 1) },
      { modeled: [ttftTrace(repeated(0.6, 40))] },
    );
    expect(cellOf(found, "all").error).toBeCloseTo(0.2, 12);
  });

  it("have no interval where the values give only one of its limits", () => {
    const draw = stream(8, "one-sided");
    const sessions = sessionsOf(12, 4);
    const clusters = Array.from(sessions.session);
    let oneSided = 0;
    for (let capture = 0; capture < 60; capture++) {
      const levels = Array.from({ length: 12 }, () => Math.exp(draw.exponential(1)));
      const times = clusters.map((session) => levels[session] * (1 + draw.exponential(1)));
      const slower = times.map((ms) => ms * (1 + draw.uniform()));
      const { cells: found } = compareTraces(
        { trace: ttftTrace(times), sessions },
        { modeled: [ttftTrace(slower)] },
      );
      const ratio = quantileRatio({ times: slower, clusters }, { times, clusters }, 0.9, { paired: true });
      const limits = [ratio.lower, ratio.upper].filter((limit) => limit !== undefined);
      if (limits.length === 1) oneSided++;
      expect(cellOf(found, "all", "ttft", 0.9).interval !== undefined).toBe(limits.length === 2);
    }
    expect(oneSided).toBeGreaterThan(0);
  });

  it("have no error against a capture of 0 ms", () => {
    const zero = ttftTrace(repeated(0, 40));
    const { cells: found } = compareTraces({ trace: zero, sessions: sessionsOf(40, 1) }, { modeled: [zero] });
    expect(cellOf(found, "all")).toMatchObject({ capturedMs: 0, modeledMs: 0, holds: false });
    expect(cellOf(found, "all").error).toBeUndefined();
  });
});

describe("requests by how many were in flight", () => {
  it("are in buckets of doubling width, named by their ends, those that do not tell in none", () => {
    const levels = [7, 1, 31, 2, 3, 16, 8, 7, 15, 1, 31, 4, 0];
    const trace = traceOf([...levels.map((concurrency) => ({ ttftMs: 10, concurrency })), { ttftMs: 10 }]);
    const { cells } = compareTraces({ trace, sessions: sessionsOf(14, 1) }, { modeled: [trace] });
    const sizes = cells
      .filter((c) => c.group.startsWith("in flight") && c.quantile === 0.5 && c.quantity === "ttft")
      .map(({ group, n }) => [group, n]);
    expect(sizes).toEqual([
      ["in flight 1", 2],
      ["in flight 2-3", 2],
      ["in flight 4-7", 3],
      ["in flight 8-15", 2],
      ["in flight 16-31", 3],
    ]);
  });

  it("are those of the capture, whatever the model says was in flight", () => {
    const of = (ttftsMs: readonly number[], levels: readonly number[]) =>
      traceOf(ttftsMs.map((ttftMs, i) => ({ ttftMs, concurrency: levels[i]! })));
    const captured = of([10, 20, 30, 40], [1, 2, 2, 1]);
    const modeled = [of([11, 22, 33, 44], [8, 8, 8, 8])];
    const { cells } = compareTraces({ trace: captured, sessions: sessionsOf(4, 1) }, { modeled });
    expect(cellOf(cells, "in flight 1")).toMatchObject({ capturedMs: 25, modeledMs: 27.5 });
    expect(cellOf(cells, "in flight 2-3")).toMatchObject({ capturedMs: 25, modeledMs: 27.5 });
  });
});

describe("the hit canary", () => {
  const withTokens = (cached: readonly (number | undefined)[]) =>
    traceOf(cached.map((cachedTokens) => (cachedTokens === undefined ? {} : { cachedTokens })));
  const canaryOf = (recorded: readonly (number | undefined)[], predicted: readonly (number | undefined)[]) =>
    compareTraces(
      { trace: withTokens(recorded), sessions: sessionsOf(recorded.length, 1) },
      { modeled: [withTokens(predicted)] },
    ).cachedTokens;

  it("counts the requests that both sides tell, exact ones, and misses in either direction", () => {
    expect(canaryOf([0, 16, 32, 48, undefined, 64], [0, 32, 16, 48, 16, undefined])).toEqual({
      requests: 4,
      recordedTokens: 96,
      predictedTokens: 96,
      exactFraction: 0.5,
      meanAbsoluteErrorTokens: 8,
    });
  });

  it("tells no fraction where nothing was recorded", () => {
    expect(canaryOf([undefined], [16])).toEqual({ requests: 0, recordedTokens: 0, predictedTokens: 0 });
  });

  it("is that of the first seed", () => {
    const modeled = [withTokens([16]), withTokens([0])];
    const { cachedTokens } = compareTraces(
      { trace: withTokens([16]), sessions: sessionsOf(1, 1) },
      { modeled },
    );
    expect(cachedTokens.exactFraction).toBe(1);
  });
});

describe("a replay compared with itself", () => {
  const model = linearModel({ base: 4, prefill: 0.2, decode: 0.5, context: 0.001, arrival: 1, emission: 1 });
  const { trace } = multiturnTrace({
    sessions: 12,
    turns: 4,
    prefixTokens: 400,
    promptTokens: 30,
    outputTokens: 20,
  });
  const sessions = inferSessions(trace);
  const { trace: captured } = replay({ trace, sessions }, { model });

  it("has no error, every canary exact, and no distance of curves", () => {
    const self = compareTraces({ trace: captured, sessions }, { modeled: [captured, captured] });
    expect(self.cells.length).toBeGreaterThan(20);
    for (const cell of self.cells) expect(cell.error).toBe(0);
    expect(self.cachedTokens.exactFraction).toBe(1);
    expect(self.verdict).toBe("pass");
    for (const { ks, wassersteinMs } of self.curves) expect([ks, wassersteinMs]).toEqual([0, 0]);
  });

  it.each([1.2, 0.8])("errs by the factor %d that its times are multiplied by", (factor) => {
    const records = captured.records.map((r) => ({ ...r, ttftMs: factor * r.ttftMs! }));
    const comparison = compareTraces({ trace: captured, sessions }, { modeled: [{ ...captured, records }] });
    for (const p of [0.5, 0.9, 0.99])
      expect(cellOf(comparison.cells, "all", "ttft", p).error).toBeCloseTo(factor - 1, 9);
    expect(comparison.verdict).toBe("fail");
  });
});
