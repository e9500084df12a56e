import { describe, expect, it } from "vitest";
import { judgeSecondHalf } from "../../lib/calibrate/index.js";
import { fitLatency } from "../../lib/fit/index.js";
import type { LatencyModel } from "../../lib/latency/index.js";
import { recomputedPrefills, replay } from "../../lib/replay/index.js";
import { sessionsOf } from "../../lib/sessions/index.js";
import { meanGapMs, type Trace, type TraceRecord } from "../../lib/trace/index.js";
import { fittingSweep, simulateSteps, somePrices } from "../fit/step-simulator.js";

/** A capture of an engine with known prices; the requests of the sweep are sent once more, so that both halves are alike. */
function capture(): Trace {
  const requests = fittingSweep();
  const { trace } = simulateSteps({
    requests,
    prices: somePrices,
    maxNumBatchedTokens: 2048,
    arrivalOverheadMs: () => 2,
    emissionOverheadMs: () => 1,
    noise: () => 1,
  });
  return trace;
}

const trace = capture();
const fitted = Math.floor(trace.records.length / 2);
const scaled = (from: number, to: number, factor: number): Trace => ({
  ...trace,
  records: trace.records.map((r, i) => {
    if (i < from || i >= to) return r;
    return {
      ...r,
      ...(r.ttftMs !== undefined && { ttftMs: factor * r.ttftMs }),
      ...(r.itlMs && { itlMs: r.itlMs.map((gap) => factor * gap) }),
    };
  }),
});

describe("judgeSecondHalf", () => {
  const { cells, replay, fittedRequests, judgedRequests } = judgeSecondHalf(trace, { fitted });

  it("judges the requests that were not fitted on, each statistic of both sides from these alone", () => {
    expect([fittedRequests, judgedRequests]).toEqual([fitted, trace.records.length - fitted]);
    const [captured, modeled] = [trace, replay.trace].map(({ records }) => records.slice(fitted));
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    for (const [quantity, of] of [
      ["ttft", (r: (typeof captured)[number]) => r.ttftMs],
      ["tpot", meanGapMs],
    ] as const) {
      const cell = cells.find((c) => c.quantity === quantity && c.statistic === "mean")!;
      expect(cell.capturedMs).toBeCloseTo(mean(captured!.flatMap((r) => of(r) ?? [])), 9);
      expect(cell.modeledMs).toBeCloseTo(mean(modeled!.flatMap((r) => of(r) ?? [])), 9);
      expect(cell.error).toBeCloseTo(cell.modeledMs / cell.capturedMs - 1, 12);
    }
    expect(cells.map((c) => `${c.quantity} ${c.statistic}`)).toEqual(
      ["ttft", "tpot"].flatMap((q) => ["mean", "p50", "p90", "p99"].map((s) => `${q} ${s}`)),
    );
  });

  it("has quantiles of definition 7, in their order", () => {
    const ttfts = trace.records.slice(fitted).map((r) => r.ttftMs!);
    for (const [statistic, p] of [
      ["p50", 0.5],
      ["p90", 0.9],
      ["p99", 0.99],
    ] as const) {
      const sorted = [...ttfts].sort((a, b) => a - b);
      const at = p * (sorted.length - 1);
      const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
      expect(cells.find((c) => c.quantity === "ttft" && c.statistic === statistic)!.capturedMs).toBeCloseTo(
        below + (at % 1) * (above - below),
        9,
      );
    }

    for (const quantity of ["ttft", "tpot"]) {
      const [p50, p90, p99] = ["p50", "p90", "p99"].map(
        (s) => cells.find((c) => c.quantity === quantity && c.statistic === s)!.capturedMs,
      );
      expect(p50).toBeLessThan(p90!);
      expect(p90).toBeLessThan(p99!);
    }
  });

  it("replays open loop: every request at its recorded time", () => {
    expect(replay.plan.pacing).toBe("open-loop");
    replay.trace.records.forEach((r, i) => {
      expect(r.arrivalMs).toBeCloseTo(trace.records[i]!.arrivalMs! - trace.records[0]!.arrivalMs!, 6);
    });
  });

  it("learns nothing from the latencies that it judges: tripled, they move the captured side alone", () => {
    const slow = judgeSecondHalf(scaled(fitted, trace.records.length, 3), { fitted });
    slow.cells.forEach((cell, k) => {
      expect(cell.capturedMs).toBeCloseTo(3 * cells[k]!.capturedMs, 6);
    });
    // The judged requests' tokens are still known as load, and a gap's times say which steps they were in.
    const [was, is] = [cells, slow.cells].map(
      (c) => c.find((x) => x.quantity === "ttft" && x.statistic === "p50")!,
    );
    expect(Math.abs(is!.modeledMs / was!.modeledMs - 1)).toBeLessThan(0.3);
  });

  it("judges nothing of the first half: tripled, it moves the modeled side alone", () => {
    const slow = judgeSecondHalf(scaled(0, fitted, 3), { fitted });
    slow.cells.forEach((cell, k) => {
      expect(cell.capturedMs).toBe(cells[k]!.capturedMs);
    });
    const [was, is] = [cells, slow.cells].map(
      (c) => c.find((x) => x.quantity === "tpot" && x.statistic === "mean")!,
    );
    expect(is!.modeledMs).toBeGreaterThan(1.5 * was!.modeledMs);
  });

  it("refuses a first half that is too small to fit on", () => {
    expect(() => judgeSecondHalf(trace, { fitted: 2 })).toThrow("too little to fit");
  });

  it("keeps the loads of the replay, which has model seed 1 unless another is given", () => {
    expect(replay.run.loads()!.endMs.length).toBeGreaterThan(100);
    expect(replay.seed).toBe(1);
    expect(judgeSecondHalf(trace, { fitted, seed: 5 }).replay.seed).toBe(5);
  });

  it("takes requests without a first token into no statistic, and has none where no answer has a gap", () => {
    const records = trace.records.map((r, i): TraceRecord => {
      if (i < fitted) return r;
      const { itlMs: _, ttftMs, ...rest } = r;
      return i % 2 === 0 ? { ...rest, outputTokens: 1 } : { ...rest, outputTokens: 1, ttftMs: ttftMs! };
    });
    const judged = judgeSecondHalf({ ...trace, records }, { fitted });
    const ttfts = records.slice(fitted).flatMap((r) => r.ttftMs ?? []);
    expect(ttfts.length).toBeLessThan(judged.judgedRequests);
    expect(judged.cells.map((c) => c.quantity)).toEqual(new Array(4).fill("ttft"));
    expect(judged.cells[0]!.capturedMs).toBeCloseTo(ttfts.reduce((a, b) => a + b) / ttfts.length, 9);
    // The model has gaps of answers whose gaps the capture did not record.
    const unrecorded = trace.records.map(({ itlMs, ...r }, i) => (i < fitted && itlMs ? { ...r, itlMs } : r));
    const { cells: told } = judgeSecondHalf({ ...trace, records: unrecorded }, { fitted });
    expect(told.map((c) => c.quantity)).toEqual(new Array(4).fill("ttft"));
  });
});

describe("judgeSecondHalf of a capture with mean gaps only", () => {
  /** Six at once, each of many tokens: 50 blocks cannot hold them all. */
  const requests = Array.from({ length: 60 }, (_, i) => ({
    arrivalMs: 1500 * Math.floor(i / 6) + 10 * (i % 6),
    promptTokens: 100 + i,
    outputTokens: 200,
  }));
  const { trace: full } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: 2048 });
  const meansOf = (kvCacheBlocks: number): Trace => ({
    ...full,
    meta: { ...full.meta, engine: { kvCacheBlocks } },
    records: full.records.map(({ itlMs, ...record }) => ({
      ...record,
      itlSummary: { meanMs: itlMs!.reduce((sum, gap) => sum + gap) / itlMs!.length, count: itlMs!.length },
    })),
  });

  it("fits on no request but the first ones: 30 decodes are enough, 29 are not", () => {
    expect(judgeSecondHalf(meansOf(2000), { fitted: 30 }).fittedRequests).toBe(30);
    expect(() => judgeSecondHalf(meansOf(2000), { fitted: 29 })).toThrow("29 decodes");
  });

  it("counts what preempted requests of its replay compute again as load, where blocks are scarce", () => {
    const trace = meansOf(60);
    const isFitted = (_: TraceRecord, index: number) => index < 40;
    const { replay: judged, calibration } = judgeSecondHalf(trace, { fitted: 40 });
    expect(judged.run.preemptions).toBeGreaterThan(0);
    const workload = { trace, sessions: sessionsOf(trace) };
    const engine = { asyncScheduling: calibration.supposed.asyncScheduling };
    const hiddenPrefills = (model: LatencyModel) => recomputedPrefills(replay(workload, { model, engine }));
    const { form } = calibration.supposed;
    const residualsOf = (hidden?: typeof hiddenPrefills) =>
      fitLatency([trace], { isFitted, form, ...(hidden && { hiddenPrefills: hidden }) }).report.residuals;
    expect(calibration.report.residuals).toEqual(residualsOf(hiddenPrefills));
    expect(calibration.report.residuals).not.toEqual(residualsOf());
  });
});
