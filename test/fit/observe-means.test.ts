import { describe, expect, it } from "vitest";
import type { ReconstructOptions } from "../../lib/fit/index.js";
import { type EarlierRound, observeMeans } from "../../lib/fit/observe-means.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";
import { recordOf } from "./record-of.js";
import { traceOf } from "./step-simulator.js";

const severalSteps = "first tokens of prefills that shared several steps";
const unscheduled = "not recorded when the request was scheduled";

/** A request whose gaps are known by their mean alone: first token at `firstMs`, then `steps` more every `gapMs`. */
function meanRecord(
  firstMs: number,
  steps: number,
  gapMs: number,
  { waitingMs, ...given }: Partial<TraceRecord> & { readonly waitingMs?: number } = {},
): TraceRecord {
  return recordOf({
    arrivalMs: firstMs - 10,
    ttftMs: 10,
    outputTokens: steps + 1,
    itlSummary: { meanMs: gapMs, count: steps },
    cachedTokens: 0,
    ...(waitingMs === undefined ? {} : { extra: { waiting_ms: waitingMs } }),
    ...given,
  });
}

interface Asked {
  readonly options?: ReconstructOptions;
  readonly isTarget?: (record: TraceRecord, index: number) => boolean;
  readonly firstRun?: number;
  readonly earlier?: EarlierRound;
}

function observe(trace: Trace, { options = {}, isTarget = () => true, firstRun, earlier }: Asked = {}) {
  const { observations, leftOut, warnings } = observeMeans(trace, options, isTarget, firstRun, earlier);
  return {
    spans: observations.filter(({ kind }) => kind === "span"),
    services: observations.filter(({ kind }) => kind === "service"),
    leftOut: Object.fromEntries(leftOut),
    warnings,
  };
}

const long = meanRecord(10, 100, 10, { promptTokens: 50, waitingMs: 2 });
const short = meanRecord(200, 40, 10, { promptTokens: 100, cachedTokens: 20, waitingMs: 3 });

describe("observeMeans, whole decodes", () => {
  it("are first to last token, with all tokens decoded meanwhile and the prefills that ended meanwhile", () => {
    const { spans, warnings } = observe(traceOf([long, short], 100));
    expect(spans).toEqual([
      {
        kind: "span",
        ms: 1000,
        steps: 100,
        load: {
          prefillTokens: 80,
          prefillTokenDepth: (100 ** 2 - 20 ** 2) / 2,
          prefillSeqs: 1,
          decodeSeqs: 140,
          decodeContextTokens: 100 * (50 + 50) + 40 * (100 + 20),
        },
        prefillSteps: [{ endMs: 200, tokens: 80, tokenDepth: (100 ** 2 - 20 ** 2) / 2, chunks: 1, steps: 1 }],
        promptTokens: 50,
        share: 100,
        run: 0,
      },
      expect.objectContaining({ ms: 400, steps: 40, promptTokens: 100, share: 40, run: 1 }),
    ]);
    expect(warnings).toEqual([
      "gaps were not recorded: the fit rests on mean gaps under load, and has no step noise",
    ]);
  });

  it("do not count the prefill that ended with their own first token", () => {
    const { spans } = observe(traceOf([long, short], 100));
    expect(spans[1].load).toMatchObject({ prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0 });
    expect(spans[1].load.decodeSeqs).toBeCloseTo(80, 9);
    const together = observe(traceOf([long, meanRecord(10.9, 40, 10), meanRecord(11.1, 40, 10)], 100));
    // What came within a millisecond of the first token was in its step, what came later was not.
    expect(together.spans[0].load).toMatchObject({ prefillTokens: 100, prefillSeqs: 1 });
    const justAfter = observe(traceOf([long, meanRecord(11, 40, 10)], 100));
    expect(justAfter.spans[0].load.prefillSeqs).toBe(0);
  });

  it("count a prefill that ended with their last token, and none after", () => {
    const withLast = (firstMs: number) =>
      observe(traceOf([long, meanRecord(firstMs, 40, 10)], 100)).spans[0].load;
    expect(withLast(1010).prefillSeqs).toBe(1);
    expect(withLast(1010.1).prefillSeqs).toBe(0);
  });

  it("count a prefill's chunks by the budget given, else the trace's, else 2,048, and by the threshold", () => {
    const other = meanRecord(200, 40, 10, { promptTokens: 3000 });
    const chunks = (trace: Trace, options: ReconstructOptions = {}) =>
      observe(trace, { options }).spans[0].load.prefillSeqs;
    expect(chunks(traceOf([long, other], 100))).toBe(30);
    expect(chunks(traceOf([long, other], 100), { maxNumBatchedTokens: 1000 })).toBe(3);
    expect(chunks(traceOf([long, other], 100), { longPrefillTokenThreshold: 50 })).toBe(60);
    expect(chunks(traceOf([long, other]))).toBe(2);
  });

  it("are those of complete requests that were asked for, and were not preempted", () => {
    const records = [
      long,
      meanRecord(20, 90, 10),
      meanRecord(30, 90, 10),
      meanRecord(40, 20, 40),
      meanRecord(50, 50, 10, { finishReason: "error" }),
      recordOf({ arrivalMs: 60, ttftMs: 10, cachedTokens: 0 }),
    ];
    const { spans, leftOut } = observe(traceOf(records, 1000), { isTarget: (_, i) => i !== 1, firstRun: 70 });
    expect(spans.map(({ run }) => run)).toEqual([70, 72]);
    expect(leftOut).toMatchObject({
      "records that are not to be fitted on: they only load the engine": 1,
      "no decode of at least one step": 2,
      "decode far slower than those beside it: preempted": 1,
    });
  });

  it("count prefills that a simulation adds, and space tokens evenly in steps, once there are prices", () => {
    const prices = {
      stepMs: 5,
      prefillTokenMs: 0.1,
      prefillTokenDepthMs: 0,
      prefillSeqMs: 0,
      decodeSeqMs: 5,
      decodeContextTokenMs: 0,
    };
    const hidden = { endMs: 700, tokens: 500, tokenDepth: 9000, chunks: 2, steps: 1 };
    const free = [short, long].map((record) => ({ ...record, promptTokens: 50, cachedTokens: 49 }));
    const { spans } = observe(traceOf(free, 100), {
      earlier: { prices: { ...prices, prefillTokenMs: 0 }, hiddenPrefills: [] },
    });
    // A step takes 10 ms alone and 15 ms together: 19 before, 400 / 15 beside, 41 after.
    const steps = 19 + 400 / 15 + 41;
    expect(spans[1].load.decodeSeqs).toBeCloseTo(40 + (100 * 400) / 15 / steps, 6);
    expect(spans[0].load.decodeSeqs).toBeCloseTo(140, 6);

    const withHidden = observe(traceOf(free, 100), { earlier: { prices, hiddenPrefills: [hidden] } });
    expect(withHidden.spans[0].load).toMatchObject({
      prefillTokens: 501,
      prefillTokenDepth: 9000 + 49.5,
      prefillSeqs: 3,
    });
    expect(withHidden.spans[1].load.prefillTokens).toBe(0);
    const beforeAll = observe(traceOf(free, 100), {
      earlier: { prices, hiddenPrefills: [hidden, { ...hidden, endMs: 300 }] },
    });
    expect(beforeAll.spans.map(({ load }) => load.prefillTokens)).toEqual([1001, 500]);
  });

  it("warn where cached tokens were guessed from blocks", () => {
    const blocks = new BlockTable();
    const blockIds = Int32Array.of(blocks.intern(0, 1));
    const trace = (given: Partial<TraceRecord>): Trace => {
      const { cachedTokens, ...record } = long;
      return { ...traceOf([{ ...record, ...given }], 100), blocks };
    };
    const guessed = "cached tokens were not recorded: prompt blocks of earlier requests are taken as cached";
    expect(observe(trace({ blockIds })).warnings).toContain(guessed);
    const { records } = trace({ blockIds });
    const { cachedTokens, ...untold } = short;
    expect(observe({ ...trace({}), records: [...records, untold] }).warnings).toContain(guessed);
    expect(observe(trace({ blockIds, cachedTokens: 0 })).warnings).not.toContain(guessed);
    expect(observe(trace({})).warnings).not.toContain(guessed);
  });
});

describe("observeMeans, scheduled to first token", () => {
  it("is the step of a prefill beside the decodes that were running", () => {
    const { services, leftOut } = observe(traceOf([long, short], 100), { firstRun: 70 });
    expect(services).toEqual([
      {
        kind: "service",
        ms: 8,
        steps: 1,
        load: {
          prefillTokens: 50,
          prefillTokenDepth: 1250,
          prefillSeqs: 1,
          decodeSeqs: 0,
          decodeContextTokens: 0,
        },
        promptTokens: 50,
        share: 1,
        run: 70,
      },
      {
        kind: "service",
        ms: 7,
        steps: 1,
        load: {
          prefillTokens: 80,
          prefillTokenDepth: (100 ** 2 - 20 ** 2) / 2,
          prefillSeqs: 1,
          decodeSeqs: 1,
          decodeContextTokens: 50 + 19,
        },
        promptTokens: 100,
        share: 1,
        run: 71,
      },
    ]);
    expect(leftOut).toEqual({});
  });

  it("is one for prefills that were scheduled and ended together", () => {
    const pair = (waitingMs: number) =>
      observe(traceOf([short, meanRecord(200.5, 40, 10, { promptTokens: 15, waitingMs })], 100));
    const { services } = pair(3);
    expect(services).toHaveLength(1);
    expect(services[0]).toMatchObject({ ms: 7, promptTokens: 100, run: 0 });
    expect(services[0].load).toMatchObject({ prefillTokens: 95, prefillSeqs: 2, decodeSeqs: 0 });
    expect(pair(3.5).services).toHaveLength(1);
    expect(pair(3.6)).toMatchObject({ services: [], leftOut: { [severalSteps]: 1 } });
  });

  it("is not told where one of them does not say when it was scheduled", () => {
    const { services, leftOut } = observe(traceOf([short, meanRecord(200.5, 40, 10)], 100));
    expect(services).toEqual([]);
    expect(leftOut).toEqual({ [unscheduled]: 1 });
  });

  it("is not told of prefills of several chunks, or beyond the budget, or with another first token in between", () => {
    const severalOf = (records: readonly TraceRecord[]) =>
      observe(traceOf(records, 100)).leftOut[severalSteps] ?? 0;
    expect(severalOf([meanRecord(10, 9, 10, { promptTokens: 100, waitingMs: 2 })])).toBe(0);
    expect(severalOf([meanRecord(10, 9, 10, { promptTokens: 101, waitingMs: 2 })])).toBe(1);
    const twoChunks = traceOf([meanRecord(10, 9, 10, { promptTokens: 80, waitingMs: 2 })], 100);
    const capped = observe(twoChunks, { options: { longPrefillTokenThreshold: 50 } });
    expect(capped.leftOut[severalSteps]).toBe(1);
    // One decodes beside it: 99 tokens fit, 100 do not.
    expect(severalOf([long, meanRecord(200, 40, 10, { promptTokens: 99, waitingMs: 3 })])).toBe(0);
    expect(severalOf([long, meanRecord(200, 40, 10, { promptTokens: 100, waitingMs: 3 })])).toBe(1);
    const earlier = (firstMs: number) => meanRecord(firstMs, 40, 10, { promptTokens: 10, waitingMs: 3 });
    expect(severalOf([earlier(193), short])).toBe(0);
    expect(severalOf([earlier(193.1), short])).toBe(1);
  });

  it("knows who was decoding when the step ended", () => {
    const runningWith = (record: TraceRecord) => {
      const at = meanRecord(500, 5, 10, { promptTokens: 10, waitingMs: 9 });
      const service = observe(traceOf([record, at], 100)).services.find(({ ms }) => ms === 1);
      return [service!.load.decodeSeqs, service!.load.decodeContextTokens];
    };
    const decode = (firstMs: number, steps: number) =>
      meanRecord(firstMs, steps, 10, { promptTokens: 70, waitingMs: 1 });
    expect(runningWith(decode(100, 80))).toEqual([1, 110]);
    expect(runningWith(decode(99, 40))).toEqual([1, 110]);
    expect(runningWith(decode(98.9, 40))).toEqual([0, 0]);
    expect(runningWith(decode(498.9, 40))).toEqual([1, 70]);
    expect(runningWith(decode(499, 40))).toEqual([0, 0]);
    expect(runningWith(decode(600, 40))).toEqual([0, 0]);
  });

  it("is told of requests asked for alone", () => {
    const isTarget = (_: TraceRecord, i: number) => i !== 0;
    expect(observe(traceOf([long, short], 100), { isTarget }).services.map(({ run }) => run)).toEqual([1]);
    const pair = [short, meanRecord(200.5, 40, 10, { promptTokens: 15, waitingMs: 3 })];
    expect(observe(traceOf(pair, 100), { isTarget }).services).toEqual([]);
  });
});

describe("observeMeans of several data-parallel ranks", () => {
  const onRanks = (records: readonly TraceRecord[], extra: Trace["meta"]["extra"]): Trace => {
    const trace = traceOf(records, 100);
    return { ...trace, meta: { ...trace.meta, extra } };
  };
  const others = [200, 300, 400].map((firstMs) =>
    meanRecord(firstMs, 40, 10, { promptTokens: 60, waitingMs: 3 }),
  );

  it("takes a rank's own decode, its share of the others', and every so many of the prefills", () => {
    const { spans, services, leftOut } = observe(onRanks([long, ...others], { data_parallel_size: 2 }));
    const contextTokens = 100 * (50 + 50) + 120 * (60 + 20);
    expect(spans[0].steps).toBe(100);
    const { decodeSeqs, decodeContextTokens, ...prefills } = spans[0].load;
    expect(decodeSeqs).toBeCloseTo(100 + 120 / 2, 9);
    expect(decodeContextTokens).toBeCloseTo((contextTokens * 160) / 220, 6);
    expect(prefills).toEqual({
      prefillTokens: 90,
      prefillTokenDepth: (3 * 60 ** 2) / 2 / 2,
      prefillSeqs: 1.5,
    });
    expect(spans[0].prefillSteps!.map(({ endMs }) => endMs)).toEqual([200, 400]);
    // Whose step a first token shared is not told.
    expect([services, leftOut]).toEqual([[], {}]);
  });

  it("takes the first and the fiftieth of fifty prefills over 49 ranks", () => {
    const fifty = Array.from({ length: 50 }, (_, i) => meanRecord(100 + 5 * i, 40, 10));
    const { spans } = observe(onRanks([long, ...fifty], { data_parallel_size: 49 }));
    expect(spans[0].prefillSteps!.map(({ endMs }) => endMs)).toEqual([100, 345]);
  });

  it("takes the whole load where the ranks go in lockstep, which are one engine", () => {
    const lockstep = observe(onRanks([long, ...others], { data_parallel_size: 2, expert_parallel: true }));
    const one = observe(traceOf([long, ...others], 100));
    expect(lockstep.spans).toEqual(one.spans);
    expect(lockstep.services).toEqual(one.services);
    expect(one.services).toHaveLength(4);
    expect(lockstep.warnings).toEqual(one.warnings);
  });

  it("leaves a decode of one step alone its own", () => {
    const alone = meanRecord(10, 1, 10, { promptTokens: 50 });
    const { spans } = observe(onRanks([alone], { data_parallel_size: 2 }));
    expect(spans[0].load.decodeSeqs).toBeCloseTo(1, 9);
    expect(spans[0].load.decodeContextTokens).toBeCloseTo(50.5, 9);
  });
});

describe("observeMeans, requests that found the engine idle", () => {
  const isolatedOf = (records: readonly TraceRecord[]) =>
    observeMeans(traceOf(records, 100), {}, () => true).observations.filter(
      ({ kind }) => kind === "isolated",
    );

  it("computed what of their prompt was not cached", () => {
    const { load, promptTokens } = isolatedOf([short])[0];
    expect(load).toMatchObject({ prefillTokens: 80, prefillTokenDepth: (100 ** 2 - 20 ** 2) / 2 });
    expect(promptTokens).toBe(100);
  });

  it("computed all of their prompt where neither their arrival nor what was cached is known", () => {
    const { arrivalMs, cachedTokens, ...record } = long;
    expect(isolatedOf([{ ...record, concurrency: 1 }])[0].load.prefillTokens).toBe(50);
  });

  it("found it idle after the last token of the one before, however long its connection stayed open", () => {
    const open = { ...long, elapsedMs: 2000 };
    const next = (arrivalMs: number) =>
      isolatedOf([open, meanRecord(arrivalMs + 10, 5, 10)]).map(({ run }) => run);
    expect(next(1010)).toEqual([0, 1]);
    expect(next(1009)).toEqual([0]);
  });
});
