import { describe, expect, it } from "vitest";
import { judgeSecondHalf } from "../../lib/judge/index.js";
import { meanGapMs, type Trace } from "../../lib/trace/index.js";
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

  it("has quantiles in their order", () => {
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
});
