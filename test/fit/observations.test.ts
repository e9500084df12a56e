import { describe, expect, it } from "vitest";
import type { ReconstructOptions } from "../../lib/fit/index.js";
import type { Observation } from "../../lib/fit/observation.js";
import { observeTrace } from "../../lib/fit/observations.js";
import type { TraceRecord } from "../../lib/trace/index.js";
import { recordOf, timedRecord } from "./record-of.js";
import { traceOf } from "./step-simulator.js";

const notAlone = "TTFT of a request that was not alone on the engine";

function observe(
  records: readonly TraceRecord[],
  options: ReconstructOptions = {},
  isTarget: (record: TraceRecord, index: number) => boolean = () => true,
  firstRun?: number,
) {
  const set = observeTrace(traceOf(records, 100), options, isTarget, firstRun);
  const of = (kind: Observation["kind"]) => set.observations.filter((o) => o.kind === kind);
  return {
    ...set,
    leftOut: Object.fromEntries(set.leftOut),
    isolated: of("isolated"),
    decode: of("decode"),
    chunk: of("chunk"),
  };
}

describe("observeTrace, TTFTs of isolated requests", () => {
  it("are those of requests that had the engine to themselves, with the work of their prefill", () => {
    const { isolated, leftOut, warnings } = observe([
      timedRecord(0, 50, [], { promptTokens: 250, cachedTokens: 80 }),
      timedRecord(1000, 30, [], { promptTokens: 64, cachedTokens: 64 }),
    ]);
    expect(isolated).toEqual([
      {
        kind: "isolated",
        ms: 50,
        steps: 2,
        load: {
          prefillTokens: 170,
          prefillTokenDepth: (250 ** 2 - 80 ** 2) / 2,
          prefillSeqs: 2,
          decodeSeqs: 0,
          decodeContextTokens: 0,
        },
        promptTokens: 250,
        share: 1,
        run: 0,
      },
      expect.objectContaining({
        ms: 30,
        steps: 1,
        load: expect.objectContaining({ prefillTokens: 1, prefillSeqs: 1, prefillTokenDepth: 63.5 }),
        run: 1,
      }),
    ]);
    expect(leftOut).toEqual({});
    expect(warnings).toEqual([]);
  });

  it("count chunks by the budget given, else the trace's, else 2,048 with a warning, and by the threshold", () => {
    const record = timedRecord(0, 50, [], { promptTokens: 3000, cachedTokens: 0 });
    const stepsWith = (options: ReconstructOptions) => observe([record], options).isolated[0].steps;
    expect(stepsWith({})).toBe(30);
    expect(stepsWith({ maxNumBatchedTokens: 1000 })).toBe(3);
    expect(stepsWith({ longPrefillTokenThreshold: 50 })).toBe(60);
    const untold = observeTrace(traceOf([record]), {}, () => true);
    expect(untold.observations[0].steps).toBe(2);
    expect(untold.warnings).toEqual(["the token budget of a step is not recorded: 2048 assumed"]);
    expect(observeTrace(traceOf([record]), { maxNumBatchedTokens: 100 }, () => true).warnings).toEqual([]);
  });

  it("take no word on cached tokens for none cached, with a warning", () => {
    const { isolated, warnings } = observe([
      timedRecord(0, 50, []),
      timedRecord(500, 50, []),
      timedRecord(900, 50, [], { cachedTokens: 10 }),
    ]);
    expect(isolated.map(({ load }) => load.prefillTokens)).toEqual([100, 100, 90]);
    expect(warnings).toEqual(["2 isolated requests do not say how many tokens were cached: taken as none"]);
    expect(observe([timedRecord(0, 50, [])]).warnings).toEqual([
      expect.stringMatching(/^1 isolated request/),
    ]);
  });

  it("are not those of requests that met another's arrival before their first token, or another's last token after arrival", () => {
    const ofThree = (secondArrivalMs: number, thirdArrivalMs: number) => {
      const { isolated, leftOut } = observe([
        timedRecord(0, 50, [10, 10], { cachedTokens: 0 }),
        timedRecord(secondArrivalMs, 40, [], { cachedTokens: 0 }),
        timedRecord(thirdArrivalMs, 30, [], { cachedTokens: 0 }),
      ]);
      expect(leftOut[notAlone] ?? 0).toBe(3 - isolated.length);
      return isolated.map(({ ms }) => ms);
    };
    expect(ofThree(70, 110)).toEqual([50, 40, 30]);
    // Fewer than eight were alone, so one whose single step must have begun before the next arrival counts too.
    expect(ofThree(70, 109)).toEqual([50, 40]);
    expect(ofThree(70, 90)).toEqual([50, 40]);
    expect(ofThree(70, 89)).toEqual([50]);
    expect(ofThree(69, 200)).toEqual([50, 30]);
    expect(ofThree(50, 200)).toEqual([50, 30]);
    expect(ofThree(49, 200)).toEqual([50, 30]);
    expect(ofThree(24, 200)).toEqual([30]);
  });

  it("remember the longest of the lives that overlap", () => {
    const { isolated } = observe([
      timedRecord(0, 50, [100, 100], { cachedTokens: 0 }),
      timedRecord(60, 20, [], { cachedTokens: 0 }),
      timedRecord(200, 10, [], { cachedTokens: 0 }),
      timedRecord(400, 11, [], { cachedTokens: 0 }),
    ]);
    expect(isolated.map(({ ms }) => ms)).toEqual([50, 11]);
  });

  it("count a request without timed tokens as busy until it ended, or as long as is known of it", () => {
    const aloneAfter = (first: TraceRecord, arrivalMs: number) =>
      observe([first, timedRecord(arrivalMs, 20, [], { cachedTokens: 0 })]).isolated.length;
    const failed = recordOf({ arrivalMs: 0, outputTokens: 0, elapsedMs: 80, finishReason: "error" });
    expect(aloneAfter(failed, 79)).toBe(0);
    expect(aloneAfter(failed, 80)).toBe(1);
    const summary = recordOf({
      arrivalMs: 0,
      ttftMs: 30,
      outputTokens: 6,
      itlSummary: { meanMs: 10, count: 5 },
      finishReason: "error",
    });
    expect(aloneAfter(summary, 79)).toBe(0);
    expect(aloneAfter(summary, 80)).toBe(1);
    const firstTokenOnly = recordOf({ arrivalMs: 0, ttftMs: 30, outputTokens: 6, finishReason: "error" });
    expect(aloneAfter(firstTokenOnly, 29)).toBe(0);
    expect(aloneAfter(firstTokenOnly, 30)).toBe(1);
    expect(aloneAfter(recordOf({ arrivalMs: 0, outputTokens: 0, finishReason: "error" }), 0)).toBe(1);
  });

  it("go by the recorded concurrency where an arrival is missing", () => {
    const record = (ttftMs: number, concurrency?: number) =>
      recordOf({ ttftMs, cachedTokens: 0, ...(concurrency === undefined ? {} : { concurrency }) });
    const { isolated } = observe([
      record(11, 1),
      record(12, 2),
      record(13),
      timedRecord(0, 20, [], { cachedTokens: 0 }),
    ]);
    expect(isolated.map(({ ms }) => ms)).toEqual([11]);
  });

  it("count a request whose tokens were timed as busy until its last token, whenever it was over for its client", () => {
    const closedLate = timedRecord(0, 50, [10, 10], { cachedTokens: 0, elapsedMs: 100 });
    const { isolated } = observe([closedLate, timedRecord(70, 20, [], { cachedTokens: 0 })]);
    expect(isolated.map(({ ms }) => ms)).toEqual([50, 20]);
  });

  it("do not depend on the order of the records", () => {
    const records = [
      timedRecord(0, 50, [10, 10], { cachedTokens: 0 }),
      timedRecord(60, 20, [], { cachedTokens: 0 }),
      timedRecord(200, 10, [30], { cachedTokens: 0 }),
      timedRecord(400, 11, [], { cachedTokens: 0 }),
    ];
    for (const order of [
      [3, 2, 1, 0],
      [2, 0, 3, 1],
    ]) {
      const shuffled = { ...traceOf(records, 100), records: order.map((i) => records[i]) };
      const { observations } = observeTrace(shuffled, {}, () => true);
      const isolated = observations.filter(({ kind }) => kind === "isolated").map(({ ms }) => ms);
      expect(isolated.sort((a, b) => a - b)).toEqual([10, 11, 50]);
    }
  });

  it("leave out requests without a first token, or that ended early, by reason", () => {
    const { isolated, leftOut } = observe([
      recordOf({ arrivalMs: 0, outputTokens: 0, elapsedMs: 10, finishReason: "error" }),
      timedRecord(100, 10, [], { finishReason: "error" }),
      timedRecord(200, 10, [], { cachedTokens: 0 }),
    ]);
    expect(isolated).toHaveLength(1);
    expect(leftOut).toEqual({ "no first token": 1, "request ended early: its TTFT is not used": 1 });
  });

  it("are those of the records asked for: the others only load the engine", () => {
    const records = [timedRecord(0, 50, [10, 10]), timedRecord(55, 40, [10]), timedRecord(500, 30, [10])];
    const { observations, leftOut } = observe(records, {}, (_, i) => i > 0, 40);
    expect(observations.map(({ kind, run }) => [kind, run])).toEqual([
      ["decode", 41],
      ["isolated", 42],
      ["decode", 42],
    ]);
    expect(leftOut).toEqual({
      "records that are not to be fitted on: they only load the engine": 1,
      [notAlone]: 1,
    });
  });
});

describe("observeTrace, gaps", () => {
  const gapsMs = Array.from({ length: 30 }, () => 10);
  const beside = timedRecord(0, 10, gapsMs, { promptTokens: 10, cachedTokens: 0 });

  it("are decodes or chunks by what ran in their step, each a share of it", () => {
    const other = timedRecord(105, 25, [10, 10], { promptTokens: 150, cachedTokens: 0 });
    const { decode, chunk } = observe([beside, other]);
    // Its chunks run in the steps that end at 120 and 130 ms, which give the other request a token each.
    expect(chunk).toEqual([
      {
        kind: "chunk",
        ms: 10,
        steps: 1,
        load: {
          prefillTokens: 99,
          prefillTokenDepth: 99 ** 2 / 2,
          prefillSeqs: 1,
          decodeSeqs: 1,
          decodeContextTokens: 21,
        },
        promptTokens: 10,
        share: 1,
        run: 0,
      },
      expect.objectContaining({ load: expect.objectContaining({ prefillTokens: 51 }), share: 1, run: 0 }),
    ]);
    expect(decode).toHaveLength(30);
    const shared = decode.filter(({ load }) => load.decodeSeqs === 2);
    expect(shared.map(({ share, run, promptTokens }) => [share, run, promptTokens])).toEqual([
      [0.5, 0, 10],
      [0.5, 0, 10],
      [0.5, 1, 150],
      [0.5, 1, 150],
    ]);
    expect(decode.reduce((sum, { share }) => sum + share, 0)).toBe(28);
  });

  it("are used of requests that ended early, whose gaps are as good as any", () => {
    const { decode, leftOut } = observe([{ ...beside, finishReason: "abort" }]);
    expect(decode).toHaveLength(30);
    expect(leftOut).toEqual({ "request ended early: its TTFT is not used": 1 });
  });

  it("leave out those inside a chunk of several tokens, in doubtful steps and below zero, by reason", () => {
    const chunked = timedRecord(0, 10, [10, 30, 10], {
      outputTokens: 6,
      itlTokens: Int32Array.from([1, 3, 1]),
      promptTokens: 10,
      cachedTokens: 0,
    });
    expect(observe([chunked]).leftOut).toEqual({ "gap inside a chunk of several tokens": 3 });
    expect(observe([chunked]).decode.map(({ ms }) => ms)).toEqual([10, 10]);

    const failed = recordOf({ arrivalMs: 105, outputTokens: 0, elapsedMs: 30, finishReason: "error" });
    const { leftOut, decode } = observe([beside, failed]);
    expect(leftOut["gap in a doubtful step: an untimed request was in flight"]).toBe(4);
    expect(decode).toHaveLength(26);

    const backwards = timedRecord(0, 10, [10, -2, 10, 0, 10], { promptTokens: 10, cachedTokens: 0 });
    expect(observe([backwards]).leftOut).toEqual({ "gap below zero": 1 });
    expect(observe([backwards]).decode.map(({ ms }) => ms)).toEqual([10, 10, 0, 10]);
    const slightly = timedRecord(0, 10, [10, -0.5, 10], { promptTokens: 10, cachedTokens: 0 });
    expect(observe([slightly]).leftOut).toEqual({ "gap below zero": 1 });
  });
});
