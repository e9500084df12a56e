import { describe, expect, it } from "vitest";
import { summarizeResiduals } from "../../lib/fit/summarize-residuals.js";

describe("summarizeResiduals", () => {
  it("has nothing to say of no observations", () => {
    expect(summarizeResiduals({ of: "gaps", observedMs: [], predictedMs: [], kept: [] })).toBeUndefined();
  });

  it("takes observed over predicted, less one, and its type-7 quantiles", () => {
    const predictedMs = Array.from({ length: 21 }, () => 20);
    const observedMs = Array.from({ length: 21 }, (_, i) => 10 + i);
    const summary = summarizeResiduals({
      of: "gaps",
      observedMs,
      predictedMs,
      kept: observedMs.map(() => true),
    })!;
    expect(summary.of).toBe("gaps");
    expect(summary.n).toBe(21);
    expect(summary.relative.p05).toBeCloseTo(11 / 20 - 1, 12);
    expect(summary.relative.p50).toBeCloseTo(0, 12);
    expect(summary.relative.p95).toBeCloseTo(29 / 20 - 1, 12);
  });

  it("explains 1 - SSE / SST of the variance, over the observations that were kept", () => {
    const rows = {
      of: "x",
      observedMs: [10, 20, 30, 40],
      predictedMs: [12, 18, 33, 41],
      kept: [true, true, true, true],
    };
    // Squares of the residuals 4 + 4 + 9 + 1, about the mean of 25: 225 + 25 + 25 + 225.
    expect(summarizeResiduals(rows)!.rSquared).toBeCloseTo(1 - 18 / 500, 12);
    const withStray = {
      ...rows,
      observedMs: [...rows.observedMs, 9000],
      predictedMs: [...rows.predictedMs, 30],
      kept: [...rows.kept, false],
    };
    const summary = summarizeResiduals(withStray)!;
    expect(summary.rSquared).toBeCloseTo(1 - 18 / 500, 12);
    expect(summary.n).toBe(5);
    expect(summary.relative.p95).toBeGreaterThan(200);
  });

  it("claims no share of a variance that is not there: below a coefficient of variation of 2 %", () => {
    const spread = (cv: number) => {
      // Half below, half above the mean of 100: the standard deviation is the distance.
      const observedMs = [100 - 100 * cv, 100 + 100 * cv, 100 - 100 * cv, 100 + 100 * cv];
      return summarizeResiduals({
        of: "x",
        observedMs,
        predictedMs: [100, 100, 100, 100],
        kept: [true, true, true, true],
      })!;
    };
    expect(spread(0.0199).rSquared).toBeUndefined();
    expect(spread(0.0201).rSquared).toBeCloseTo(0, 9);
    const nothing = { of: "x", observedMs: [0, 0], predictedMs: [1, 2], kept: [true, true] };
    expect(summarizeResiduals(nothing)!.rSquared).toBeUndefined();
  });

  it("explains nothing where every observation was trimmed", () => {
    const summary = summarizeResiduals({
      of: "x",
      observedMs: [1, 9],
      predictedMs: [5, 5],
      kept: [false, false],
    })!;
    expect(summary.rSquared).toBeUndefined();
    expect(summary.n).toBe(2);
  });
});
