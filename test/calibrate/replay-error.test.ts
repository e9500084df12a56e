import { describe, expect, it } from "vitest";
import { compareStatistics, replayError } from "../../lib/calibrate/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

const record = (ttftMs: number | undefined, meanMs = 10): TraceRecord => ({
  promptTokens: 100,
  outputTokens: 5,
  ...(ttftMs !== undefined && { ttftMs, itlSummary: { meanMs, count: 4 } }),
});
const traceOf = (records: readonly TraceRecord[]): Trace => ({
  meta: { source: "synthetic", extra: {} },
  records,
  blocks: new BlockTable(),
  rejected: [],
  warnings: [],
});

describe("compareStatistics", () => {
  it("compares the requests that both sides answered: one that failed does not count in the other", () => {
    const captured = [record(50), record(undefined), record(70), record(60)];
    const modeled = [record(50), record(9000), record(70), record(undefined)];
    const cells = compareStatistics(captured, modeled);
    expect(cells.map(({ quantity, statistic }) => `${quantity} ${statistic}`)).toEqual([
      ...["ttft mean", "ttft p50", "ttft p90", "ttft p99"],
      ...["tpot mean", "tpot p50", "tpot p90", "tpot p99"],
    ]);
    for (const { error } of cells) expect(error).toBe(0);
    expect(cells[0].capturedMs).toBe(60);
  });

  it("has no relative error to a duration of 0: tokens that all came together", () => {
    const cells = compareStatistics([record(50, 0), record(60, 0)], [record(55), record(66)]);
    expect(cells.map(({ quantity }) => quantity)).toEqual(["ttft", "ttft", "ttft", "ttft"]);
    for (const { error } of cells) expect(error).toBeCloseTo(0.1, 10);
  });
});

describe("replayError", () => {
  const captured = traceOf([record(50), record(undefined), record(70), record(90)]);
  const modeled = traceOf([record(55), record(9000), record(77), record(1)]);

  it("is over the scored requests that both sides answered", () => {
    const scored = replayError(captured, modeled, (index) => index < 3);
    expect(scored?.n).toBe(2);
    // TTFT is 10 % off in each quantile, TPOT not at all.
    expect(scored?.error).toBeCloseTo(Math.log(1.1) / 2, 10);
  });

  it("is undefined where they have nothing in common", () => {
    expect(replayError(captured, modeled, (index) => index === 1)).toBeUndefined();
  });
});
