import { describe, expect, it } from "vitest";
import { fitLatency } from "../../lib/fit/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { recordOf, timedRecord } from "./record-of.js";
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

/** A request whose tokens were timed, one that has their mean, one of which only the first token is known. */
const kinds = {
  timed: (i: number) => timedRecord(2000 * i, 20 + (i % 5), [10, 11, 10], { cachedTokens: 0 }),
  mean: (i: number) =>
    recordOf({
      arrivalMs: 2000 * i,
      promptTokens: 100,
      outputTokens: 4,
      ttftMs: 20,
      itlSummary: { meanMs: 10, count: 3 },
      elapsedMs: 50,
    }),
  first: (i: number) => recordOf({ arrivalMs: 2000 * i, promptTokens: 100, outputTokens: 1, ttftMs: 20 }),
};
const traceWith = (counts: Readonly<Record<keyof typeof kinds, number>>): Trace =>
  traceOf(
    Object.entries(counts).flatMap(([kind, count], k) =>
      Array.from({ length: count }, (_, i) => kinds[kind as keyof typeof kinds](100 * k + i)),
    ),
    2048,
  );
const usedOf = (trace: Trace) => fitLatency([trace]).report.used;

describe("whether a trace is used by its gaps", () => {
  it("is decided by decodes with gaps and with their mean alone: first tokens count on neither side", () => {
    expect(usedOf(traceWith({ timed: 40, mean: 0, first: 10 })).decode).toBeGreaterThan(0);
    // Two of 62 decodes have only their mean, and two of 32, whatever else there is.
    expect(usedOf(traceWith({ timed: 60, mean: 2, first: 40 })).decode).toBeGreaterThan(0);
    expect(usedOf(traceWith({ timed: 30, mean: 2, first: 40 })).decode).toBeUndefined();
  });

  it("is not so for a trace of first tokens, of however many ranks", () => {
    const ranks = (trace: Trace) => () => fitLatency([toldBy(trace, { data_parallel_size: 2 })]);
    expect(ranks(traceWith({ timed: 0, mean: 0, first: 40 }))).toThrow(/too little to fit/);
    expect(ranks(traceWith({ timed: 1, mean: 0, first: 40 }))).toThrow(/gaps of 2 data-parallel ranks/);
  });
});

describe("what is missing for a fit", () => {
  const unplaced = (trace: Trace, count: number): Trace => ({
    ...trace,
    records: trace.records.map(({ arrivalMs, ...record }, i) =>
      i < count ? record : { ...record, arrivalMs: arrivalMs! },
    ),
  });
  const messageOf = (trace: Trace): string => {
    try {
      fitLatency([trace]);
    } catch (error) {
      return String(error);
    }
    return "";
  };

  it("names the records without an arrival where there are any, and how many", () => {
    const few = traceWith({ timed: 0, mean: 12, first: 0 });
    expect(messageOf(few)).toMatch(/12 decodes|too little/);
    expect(messageOf(few)).not.toMatch(/arrival_ms/);
    expect(messageOf(unplaced(few, 1))).toMatch(/; 1 records have no arrival_ms/);
    expect(messageOf(unplaced(few, 5))).toMatch(/; 5 records have no arrival_ms/);
  });

  it("does not speak of them where there is enough to fit", () => {
    const enough = traceWith({ timed: 0, mean: 60, first: 0 });
    const alone = { ...enough, records: enough.records.map((record) => ({ ...record, concurrency: 1 })) };
    expect(messageOf(unplaced(alone, 1))).toBe("");
  });
});

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

  /** The message that a fit on these requests, of an engine with so many seats, is refused with; "" where it is not. */
  function refusal(records: readonly TraceRecord[], maxNumSeqs: number): string {
    try {
      fitLatency([toldBy(traceOf(records, 2048), {}, { maxNumSeqs, maxNumBatchedTokens: 2048 })]);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** A request that decodes from its first token on, a token every 10 ms. */
  const decoding = (firstMs: number, steps: number, ttftMs = 10): TraceRecord =>
    recordOf({
      arrivalMs: firstMs - ttftMs,
      ttftMs,
      outputTokens: steps + 1,
      itlSummary: { meanMs: 10, count: steps },
    });
  const several = (count: number, firstMs: number, steps = 20) =>
    Array.from({ length: count }, () => decoding(firstMs, steps));

  it("but lets clocks overlap a little: by a tenth of the seats, and two", () => {
    expect(refusal(several(13, 100), 10)).toMatch(/too little/);
    expect(refusal(several(14, 100), 10)).toMatch(/^fitLatency: 14 requests decoded at once/);
  });

  it("by the most at any time, whatever the order of arrivals, first tokens and ends", () => {
    expect(refusal([...several(14, 100), decoding(9000, 20)], 10)).toMatch(/: 14 requests/);
    expect(refusal([decoding(9000, 20, 8990), ...several(14, 100)], 10)).toMatch(/: 14 requests/);
    const oneByOne = Array.from({ length: 30 }, (_, i) => decoding(1000 + 100 * i, 5));
    expect(refusal([decoding(100, 1000), ...oneByOne], 1)).toBe("");
  });

  it("and takes those that end when others begin for gone, and those without a decode for none", () => {
    const unanswered = recordOf({ arrivalMs: 50, outputTokens: 0, finishReason: "error" });
    const handedOver = [...several(3, 100), ...several(3, 300), unanswered];
    expect(refusal(handedOver, 1)).toMatch(/too little to fit in 7 records/);
    expect(refusal([...several(3, 100), ...several(3, 299)], 1)).toMatch(/: 6 requests decoded/);
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
