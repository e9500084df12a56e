import { describe, expect, it } from "vitest";
import { fitLatency } from "../../lib/fit/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { recordOf } from "./record-of.js";
import { fittingSweep, simulateSteps, somePrices, traceOf } from "./step-simulator.js";

const { trace } = simulateSteps({ requests: fittingSweep(), prices: somePrices, maxNumBatchedTokens: 2048 });
const toldBy = (of: Trace, extra: Trace["meta"]["extra"], engine = of.meta.engine ?? {}): Trace => ({
  ...of,
  meta: { ...of.meta, extra, engine },
});

/** Requests that all decode at once. */
function together(count: number): Trace {
  const records = Array.from({ length: count }, (_, i) =>
    recordOf({
      arrivalMs: i,
      promptTokens: 100,
      outputTokens: 51,
      ttftMs: 100 + i,
      itlSummary: { meanMs: 20, count: 50 },
      elapsedMs: 1100 + i,
    }),
  );
  return traceOf(records, 2048);
}

describe("a fit refuses a trace whose settings are not its engine's", () => {
  it("where more requests decode at once than there are seats, with the reason", () => {
    const seats = (maxNumSeqs: number) => toldBy(together(40), {}, { maxNumSeqs, maxNumBatchedTokens: 2048 });
    expect(() => fitLatency([seats(16)])).toThrow(
      /40 requests decoded at once, but the trace says max_num_seqs 16.*data_parallel_size/,
    );
    expect(() => fitLatency([seats(40)])).not.toThrow();
  });

  it("but counts the seats of all data-parallel ranks", () => {
    const ranks = toldBy(
      together(40),
      { data_parallel_size: 2, expert_parallel: true },
      { maxNumSeqs: 20, maxNumBatchedTokens: 2048 },
    );
    expect(() => fitLatency([ranks])).not.toThrow();
  });

  it("where it has the gaps of several engines, which are no step clock; with means it says that the load is shared", () => {
    expect(() => fitLatency([toldBy(trace, { data_parallel_size: 2 })])).toThrow(
      /gaps of 2 data-parallel ranks.*capture one rank alone/,
    );
    const shared = fitLatency([toldBy(together(40), { data_parallel_size: 2 })]).report;
    expect(shared.warnings.join()).toMatch(/2 data-parallel ranks served the trace.*spread evenly/);
    expect(shared.range.runningSeqs[1]).toBeLessThanOrEqual(21);
    expect(fitLatency([together(40)]).report.range.runningSeqs[1]).toBeGreaterThan(30);
  });
});
