import { beforeAll, describe, expect, it } from "vitest";
import { InputError, stream } from "../../lib/base/index.js";
import { type FitReport, fitLatency } from "../../lib/fit/index.js";
import {
  emptyStepLoad,
  type LatencyModel,
  latencyModelFromJson,
  priceStep,
} from "../../lib/latency/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { recordOf, timedRecord } from "./record-of.js";
import { fittingSweep, simulateSteps, somePrices, traceOf } from "./step-simulator.js";

const budget = 512;

function sweep(seed: number, relativeNoise: number, strays = 0) {
  const noise = stream(seed, "noise");
  return simulateSteps({
    requests: fittingSweep(),
    prices: somePrices,
    maxNumBatchedTokens: budget,
    arrivalOverheadMs: (promptTokens) => 3 + 0.002 * promptTokens,
    emissionOverheadMs: () => 1 + (relativeNoise > 0 ? noise.uniform() : 0.5),
    noise: () => (1 + relativeNoise * noise.normal()) * (noise.uniform() < strays ? 3 : 1),
  }).trace;
}

function coefficientsOf(report: ReturnType<typeof fitLatency>["report"]) {
  return Object.fromEntries(report.coefficients.map(({ name, value }) => [name, value]));
}

describe("fitLatency, physical", () => {
  it("finds the prices of a noiseless engine", () => {
    const { report } = fitLatency([sweep(1, 0)], { maxNumBatchedTokens: budget });
    const found = coefficientsOf(report);
    expect(found.step_ms).toBeCloseTo(somePrices.stepMs, 3);
    expect(found.prefill_token_ms).toBeCloseTo(somePrices.prefillTokenMs, 5);
    expect(found.prefill_token_depth_ms).toBeCloseTo(somePrices.prefillTokenDepthMs, 8);
    expect(found.prefill_seq_ms).toBeCloseTo(somePrices.prefillSeqMs, 3);
    expect(found.decode_seq_ms).toBeCloseTo(somePrices.decodeSeqMs, 4);
    expect(found.decode_context_token_ms).toBeCloseTo(somePrices.decodeContextTokenMs, 7);
    expect(found.request_ms).toBeCloseTo(4.5, 3);
    expect(found.prompt_token_ms).toBeCloseTo(0.002, 6);
  });

  it("says it was fitted on the sizes of the records it was given, not of those left out", () => {
    const trace = sweep(3, 0.05);
    const largestOf = (isFitted: (promptTokens: number) => boolean) =>
      fitLatency([trace], {
        maxNumBatchedTokens: budget,
        isFitted: ({ promptTokens }) => isFitted(promptTokens),
      }).model.range.contextTokens[1];
    expect(largestOf((promptTokens) => promptTokens < 1000)).toBeLessThan(1100);
    expect(largestOf(() => true)).toBeGreaterThan(3000);
  });

  it("prices steps within 3 % under 8 % step noise and a stray tripled step in fifty", () => {
    const { model, report } = fitLatency([sweep(7, 0.08, 0.02)], { maxNumBatchedTokens: budget });
    expect(report.trimmed).toBeGreaterThan(20);
    const timer = model.timer(1);
    const loads = [
      { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0, decodeSeqs: 4, decodeContextTokens: 3000 },
      {
        prefillTokens: 500,
        prefillTokenDepth: 125000,
        prefillSeqs: 1,
        decodeSeqs: 3,
        decodeContextTokens: 2000,
      },
    ];
    for (const load of loads) {
      const drawn = Array.from({ length: 4001 }, () => timer.stepMs(load)).sort((a, b) => a - b);
      expect(Math.abs(drawn[2000]! / priceStep(somePrices, load) - 1)).toBeLessThan(0.03);
    }
  });
});

describe.each(["physical", "empirical"] as const)("a fitted %s model", (kind) => {
  let model: LatencyModel;

  beforeAll(() => {
    ({ model } = fitLatency([sweep(5, 0.1)], { kind, maxNumBatchedTokens: budget }));
  });

  const load = {
    prefillTokens: 0,
    prefillTokenDepth: 0,
    prefillSeqs: 0,
    decodeSeqs: 2,
    decodeContextTokens: 900,
  };
  const draw = (from: LatencyModel, seed: number) => {
    const timer = from.timer(seed);
    return Array.from({ length: 300 }, () => [timer.stepMs(load), timer.emissionOverheadMs()]);
  };

  it("draws the same times for the same seed and others for another", () => {
    expect(draw(model, 4)).toEqual(draw(model, 4));
    expect(draw(model, 4)).not.toEqual(draw(model, 5));
  });

  it("survives JSON: the same times, the same JSON", () => {
    const text = JSON.stringify(model.toJson());
    const back = latencyModelFromJson(JSON.parse(text));
    expect(JSON.stringify(back.toJson())).toBe(text);
    expect(draw(back, 4)).toEqual(draw(model, 4));
    expect(back.range).toEqual(model.range);
  });
});

describe("a fit is refused", () => {
  it("on an empty trace, saying what is missing", () => {
    expect(() => fitLatency([traceOf([])])).toThrow(InputError);
    expect(() => fitLatency([traceOf([])])).toThrow(/0 requests that were alone.*0 inter-token gaps/);
  });

  it("when no request was ever alone on the engine, and too few gaps had a prefill", () => {
    const requests = Array.from({ length: 5 }, (_, i) => ({
      arrivalMs: i * 20,
      promptTokens: 100,
      outputTokens: 100,
    }));
    const { trace } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: budget });
    expect(() => fitLatency([trace])).toThrow(/capture some at concurrency 1.*gaps with a prefill/);
  });
});

describe("a fit on a capture with several requests always in flight", () => {
  const requests = Array.from({ length: 60 }, (_, i) => ({
    arrivalMs: i * 20,
    promptTokens: 100 + 40 * (i % 7),
    outputTokens: 40 + (i % 5),
  }));
  const { trace } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: budget });

  it("rests on the gaps, and says that it knows nothing of the time outside the steps", () => {
    const { model, report } = fitLatency([trace]);
    expect(report.used.isolated).toBeUndefined();
    expect(report.warnings.join()).toMatch(/time outside the engine's steps is taken as 0/);
    expect(model.timer(1).arrivalOverheadMs(100)).toBe(0);
    const load = { ...emptyStepLoad(), decodeSeqs: 5, decodeContextTokens: 5 * 200 };
    expect(Math.abs(model.timer(1).stepMs(load) / priceStep(somePrices, load) - 1)).toBeLessThan(0.1);
  });
});

describe("what a fit says of itself", () => {
  /** Isolated requests of `tokens` output tokens, 10 ms apart, with prompts of 100, 200, ... tokens. */
  function isolatedTrace(requests: number, outputTokens: number, given: Partial<TraceRecord> = {}): Trace {
    const records = Array.from({ length: requests }, (_, i) =>
      timedRecord(
        2000 * i,
        20 + 10 * (1 + (i % 10)),
        Array.from({ length: outputTokens - 1 }, (_, k) => 10 + 0.01 * k),
        { promptTokens: 100 * (1 + (i % 10)), cachedTokens: 0, ...given },
      ),
    );
    return traceOf(records, 2048);
  }

  /** The same by a recorder that kept only mean gaps. */
  function meansOf(trace: Trace): Trace {
    const records = trace.records.map(({ itlMs, ...record }) => ({
      ...record,
      itlSummary: { meanMs: itlMs!.reduce((sum, gap) => sum + gap, 0) / itlMs!.length, count: itlMs!.length },
    }));
    return traceOf(records, 2048);
  }

  /** Requests of many sizes that decode beside others, all but the first. */
  const crowd = (() => {
    const random = stream(2, "crowd");
    const requests = Array.from({ length: 120 }, (_, i) => ({
      arrivalMs: i * 200,
      promptTokens: 100 + random.integer(900),
      cachedTokens: 16 * random.integer(6),
      outputTokens: 50 + random.integer(40),
    }));
    return simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: 512 }).trace;
  })();

  it("counts what it used, by kind, over all traces", () => {
    const { report } = fitLatency([isolatedTrace(8, 7), isolatedTrace(4, 11)]);
    expect(report.used).toEqual({ isolated: 12, decode: 8 * 6 + 4 * 10 });
    expect(report.kind).toBe("physical");
    expect(report.trimmed).toBe(0);
  });

  it("uses a trace by its means where more than one decode in twenty has no gaps, and says so", () => {
    const trace = sweep(5, 0.1);
    const thinned = (every: number): Trace => {
      const means = meansOf(trace).records;
      return { ...trace, records: trace.records.map((record, i) => (i % every === 1 ? means[i] : record)) };
    };
    const some = fitLatency([thinned(10)], { maxNumBatchedTokens: budget });
    expect(some.report.used).toMatchObject({ span: expect.any(Number) });
    expect(some.report.used.decode).toBeUndefined();
    expect(some.report.warnings.join()).toMatch(/gaps were recorded of some requests only/);
    const few = fitLatency([thinned(50)], { maxNumBatchedTokens: budget });
    expect(few.report.used.span).toBeUndefined();
    expect(few.report.used.decode).toBeGreaterThan(50);
  });

  it("refuses seven isolated requests, 49 gaps and 29 spans, and takes one more", () => {
    expect(() => fitLatency([isolatedTrace(7, 20)])).toThrow(
      "fitLatency: too little to fit in 7 records: 7 requests that were alone on the engine until their first token (at least 8 are needed: capture some at concurrency 1)",
    );
    expect(() => fitLatency([isolatedTrace(8, 20)])).not.toThrow();
    const oneGapEach = isolatedTrace(49, 2);
    expect(() => fitLatency([oneGapEach])).toThrow(
      "fitLatency: too little to fit in 49 records: 49 inter-token gaps without a prefill (at least 50 are needed: capture answers of more tokens, with their gaps)",
    );
    expect(() => fitLatency([isolatedTrace(50, 2)])).not.toThrow();
    expect(() => fitLatency([meansOf(isolatedTrace(14, 9)), meansOf(isolatedTrace(15, 9))])).toThrow(
      "fitLatency: too little to fit in 29 records: 29 decodes with known first and last token (at least 30 are needed)",
    );
    expect(() => fitLatency([meansOf(isolatedTrace(30, 9))])).not.toThrow();
    const unplaced = isolatedTrace(20, 20).records.map(({ arrivalMs, ...record }) => record);
    expect(() => fitLatency([traceOf(unplaced, 2048)])).toThrow(
      /; 20 records have no arrival_ms, without which/,
    );
    const noFirstToken = meansOf(isolatedTrace(3, 9)).records.map(({ ttftMs, ...record }) => record);
    expect(() => fitLatency([traceOf(noFirstToken, 2048)])).toThrow(/in 3 records: 0 decodes with known/);
  });

  it("counts what is missing, nothing too", () => {
    const firstTokens = traceOf(isolatedTrace(7, 1).records.map(({ itlMs, ...record }) => record));
    expect(() => fitLatency([firstTokens])).toThrow(
      /: 7 requests that were alone.* and 0 inter-token gaps with a prefill.*; 0 inter-token gaps without a prefill/,
    );
  });

  it("takes means of few decodes beside fifty gaps, not beside 49", () => {
    const few = meansOf(isolatedTrace(10, 9));
    expect(() => fitLatency([isolatedTrace(49, 2), few])).toThrow(/10 decodes with known first/);
    expect(fitLatency([isolatedTrace(50, 2), few]).report.used).toMatchObject({ decode: 50, span: 10 });
  });

  it("takes twenty gaps with a prefill for isolated requests, not 19", () => {
    const joined = (count: number) => {
      const requests = Array.from({ length: count }, (_, i) => ({
        arrivalMs: 1000 + 100 * i,
        promptTokens: 100 + 15 * i,
        outputTokens: 1,
      }));
      const long = { arrivalMs: 0, promptTokens: 100, outputTokens: 600 };
      return simulateSteps({ requests: [long, ...requests], prices: somePrices, maxNumBatchedTokens: budget })
        .trace;
    };
    const chunksOf = (count: number) => fitLatency([joined(count)]).report.used.chunk;
    expect(chunksOf(20)).toBe(20);
    expect(() => fitLatency([joined(19)])).toThrow(/1 requests that were alone .* and 19 inter-token gaps/);
  });

  it("uses eight isolated requests, and says of fewer that it left them out", () => {
    expect(fitLatency([isolatedTrace(8, 20)]).report.used.isolated).toBe(8);
    const { used, leftOut } = fitLatency([meansOf(isolatedTrace(6, 9)), meansOf(crowd)]).report;
    expect(Object.keys(used)).toEqual(["span"]);
    const reason = "TTFT of a request that found the engine idle: fewer than 8 of them";
    expect(leftOut).toContainEqual({ reason, count: 7 });
    expect(fitLatency([isolatedTrace(8, 20)]).report.leftOut).toEqual([]);
  });

  it("takes a request's overhead from isolated requests where there are, whatever they waited for the scheduler", () => {
    const waited = (waiting_ms: number) => {
      const { report } = fitLatency([isolatedTrace(40, 9, { extra: { waiting_ms } })]);
      return coefficientsOf(report).request_ms;
    };
    expect(waited(5)).toBe(waited(0));
  });

  it("says in which form it priced steps, and of the empirical model none", () => {
    const trace = isolatedTrace(50, 2);
    expect(fitLatency([trace]).report.form).toEqual({ combine: "sum", expertShare: 0 });
    const form = { combine: "max", expertShare: 0.125 } as const;
    expect(fitLatency([trace], { form }).report.form).toEqual(form);
    const empirical = fitLatency([trace], { kind: "empirical" });
    expect(empirical.model.kind).toBe("empirical");
    expect("form" in empirical.report).toBe(false);
    expect("scheduling" in empirical.report).toBe(false);
  });

  it("says how two readings of the scheduling spread, where it was not told which is right", () => {
    const waiting = crowd.records.map((record) => ({ ...record, extra: { waiting_ms: 1 } }));
    const trace = meansOf({ ...crowd, records: waiting });
    expect(fitLatency([trace]).report.scheduling).toEqual({
      inStep: expect.any(Number),
      ahead: expect.any(Number),
    });
    for (const schedulesAhead of [false, true])
      expect("scheduling" in fitLatency([trace], { schedulesAhead }).report).toBe(false);
  });

  it("pins depth on means by a model that all traces name and is known, and on gaps only what they leave open", () => {
    const named = (trace: Trace, model: string | undefined): Trace => ({
      ...trace,
      meta: { ...trace.meta, ...(model !== undefined && { model }) },
    });
    const depthSaid = (traces: readonly Trace[], options = {}) =>
      fitLatency(traces, options).report.warnings.filter((warning) => /of a prompt token/.test(warning));
    const means = meansOf(crowd);
    const llama = "meta-llama/Llama-3.1-8B";
    const byFlops = "depth is priced at 0.0000376 of a prompt token, by the model's FLOPs";
    expect(depthSaid([named(means, llama)])).toEqual([byFlops]);
    expect(depthSaid([named(means, llama), named(means, llama)])).toEqual([byFlops]);
    expect(depthSaid([named(means, llama), named(means, "Qwen/Qwen3-8B")])).toEqual([]);
    expect(depthSaid([named(means, llama), means])).toEqual([]);
    expect(depthSaid([means])).toEqual([]);
    expect(depthSaid([means], { depthRatio: 1.2345e-3 })).toEqual([
      "depth is priced at 0.00123 of a prompt token, by the model's FLOPs",
    ]);
    const gaps = sweep(3, 0.05);
    expect(depthSaid([gaps], { depthRatio: 1.2345e-3, maxNumBatchedTokens: budget })).toEqual([]);
  });

  it("uses the gaps of the traces that have them and the means of the others", () => {
    const mixed = fitLatency([isolatedTrace(30, 9), meansOf(isolatedTrace(40, 9))]).report;
    expect(mixed.used).toEqual({ isolated: 70, decode: 240, span: 40 });
    expect(fitLatency([meansOf(isolatedTrace(40, 9))]).report.used).toEqual({ isolated: 40, span: 40 });
  });

  it("meets the TTFT of requests that found the engine idle, with gaps or with means of them", () => {
    for (const trace of [isolatedTrace(40, 9), meansOf(isolatedTrace(40, 9))]) {
      const { report } = fitLatency([trace]);
      const ttft = report.residuals.find(({ of }) => of === "TTFT of isolated requests")!;
      expect(Math.max(-ttft.relative.p05, ttft.relative.p95)).toBeLessThan(0.02);
    }
  });

  it("says what prompts of one size leave open, prices depth by the model's FLOPs, and gives the rest to the tokens", () => {
    const one = isolatedTrace(40, 9);
    const alike = (model?: string) => {
      const records = one.records.map((record) => ({ ...record, promptTokens: 1000, ttftMs: 120 }));
      const trace = traceOf(records, 2048);
      return fitLatency([{ ...trace, meta: { ...trace.meta, ...(model && { model }) } }]).report;
    };
    const price = (report: FitReport, name: string) => report.coefficients.find((c) => c.name === name)!;
    const unknown = alike();
    expect(unknown.warnings.join()).toMatch(/do not tell apart prefill_token_ms.*0.00004 .* is assumed/);
    expect(price(unknown, "prefill_token_ms").identified).toBe(false);
    expect(price(unknown, "request_ms").value).toBeLessThan(0.2);
    expect(
      price(unknown, "prefill_token_depth_ms").value / price(unknown, "prefill_token_ms").value,
    ).toBeCloseTo(4e-5, 9);
    const known = alike("meta-llama/Llama-3.1-8B");
    expect(known.warnings.join()).toMatch(/by the model's FLOPs/);
    expect(price(known, "prefill_token_depth_ms").value / price(known, "prefill_token_ms").value).toBeCloseTo(
      3.76e-5,
      6,
    );
  });

  it("takes the ratio of depth to tokens that it is given", () => {
    const records = isolatedTrace(40, 9).records.map((record) => ({
      ...record,
      promptTokens: 1000,
      ttftMs: 120,
    }));
    const { coefficients } = fitLatency([traceOf(records, 2048)], { depthRatio: 1e-3 }).report;
    const [, token, depth] = coefficients;
    expect(depth.value / token.value).toBeCloseTo(1e-3, 9);
    expect(() => fitLatency([traceOf(records, 2048)], { depthRatio: -1 })).toThrow(/depthRatio/);
  });

  it("uses a trace by its gaps until more than one decode in twenty has only their mean", () => {
    const withMeans = (count: number): Trace => {
      const gaps = isolatedTrace(60, 9).records;
      return traceOf([...meansOf(traceOf(gaps.slice(0, count), 2048)).records, ...gaps.slice(count)], 2048);
    };
    expect(fitLatency([withMeans(3)]).report.used).toEqual({ isolated: 60, decode: 57 * 8 });
    expect(fitLatency([withMeans(4)]).report.used).toEqual({ isolated: 60, span: 60 });
  });

  it("takes first tokens alone beside means", () => {
    const firstTokensAlone = isolatedTrace(9, 9).records.map(({ itlMs, ...record }) => record);
    const { report } = fitLatency([meansOf(isolatedTrace(40, 9)), traceOf(firstTokensAlone, 2048)]);
    expect(report.used).toEqual({ isolated: 49, span: 40 });
  });

  it("says on which sizes it was fitted", () => {
    const trace = isolatedTrace(12, 9, { cachedTokens: 64 });
    const { range } = fitLatency([trace]).report;
    expect(range).toEqual({ uncachedTokens: [36, 936], contextTokens: [109, 1009], runningSeqs: [1, 1] });
    const unfinished = timedRecord(90_000, 20, [10, 10], { promptTokens: 5000, finishReason: "error" });
    expect(fitLatency([traceOf([...trace.records, unfinished], 2048)]).report.range).toEqual(range);
    const { trace: loaded, loads } = simulateSteps({
      requests: fittingSweep(),
      prices: somePrices,
      maxNumBatchedTokens: budget,
    });
    const most = Math.max(...loads.map(({ decodeSeqs }) => decodeSeqs));
    expect(fitLatency([loaded]).report.range.runningSeqs).toEqual([1, most]);
  });

  it("takes a request without cached tokens for uncached in its range", () => {
    const { cachedTokens, ...record } = isolatedTrace(1, 9).records[0];
    const trace = isolatedTrace(12, 9, { cachedTokens: 64 });
    const untold = traceOf([...trace.records, { ...record, arrivalMs: 90_000, promptTokens: 3000 }], 2048);
    expect(fitLatency([untold]).report.range.uncachedTokens).toEqual([36, 3000]);
  });

  it("divides the load of a whole decode by its steps", () => {
    expect(fitLatency([meansOf(isolatedTrace(40, 9))]).report.range.runningSeqs).toEqual([1, 1]);
    // Pairs of decodes that are side by side for three quarters of their steps: 1.75 sequences a step.
    const pairs = Array.from({ length: 20 }, (_, i) =>
      [0, 20].map((afterMs) =>
        timedRecord(2000 * i + afterMs, 10, new Array(8).fill(10), { cachedTokens: 0 }),
      ),
    ).flat();
    // The first of each pair found the engine idle.
    expect(fitLatency([meansOf(traceOf(pairs, 2048))]).report.range.runningSeqs).toEqual([1, 2]);
  });

  it("lists what it left out over all traces, the most first, and each warning once", () => {
    const withFailed = (trace: Trace) =>
      traceOf(
        [
          ...trace.records,
          recordOf({ arrivalMs: 80_000, outputTokens: 0, elapsedMs: 5, finishReason: "error" }),
          ...[90_000, 90_001, 90_002].map((arrivalMs) => timedRecord(arrivalMs, 50, [], { cachedTokens: 0 })),
        ],
        undefined,
      );
    const { report } = fitLatency([withFailed(isolatedTrace(8, 9)), withFailed(isolatedTrace(8, 9))]);
    expect(report.leftOut).toEqual([
      { reason: "TTFT of a request that was not alone on the engine", count: 6 },
      { reason: "no first token", count: 2 },
    ]);
    expect(report.warnings.filter((warning) => /token budget/.test(warning))).toEqual([
      "the token budget of a step is not recorded: 2048 assumed",
    ]);
    expect(new Set(report.warnings).size).toBe(report.warnings.length);
  });

  it("keeps runs of several traces apart", () => {
    const noise = fitLatency([isolatedTrace(8, 9), isolatedTrace(8, 9)]).model.toJson().noise as {
      row: number;
      run_starts: number[];
    }[];
    const decodes = noise.find(({ row }) => row === 0)!;
    expect(decodes.run_starts).toEqual(Array.from({ length: 16 }, (_, i) => 8 * i));
  });

  it("keeps them apart where a trace has one request, or its first ones are not fitted on", () => {
    const starts = (traces: readonly Trace[], isFitted: (index: number, trace: Trace) => boolean) => {
      const { model } = fitLatency(traces, { isFitted: (_, index, trace) => isFitted(index, trace) });
      const noise = model.toJson().noise as { row: number; run_starts: number[] }[];
      return noise.find(({ row }) => row === 0)!.run_starts;
    };
    const lone = [isolatedTrace(8, 9), isolatedTrace(1, 9), isolatedTrace(1, 9)];
    expect(starts(lone, () => true)).toEqual(Array.from({ length: 10 }, (_, i) => 8 * i));
    const [first, second] = [isolatedTrace(8, 9), isolatedTrace(20, 9)];
    expect(starts([first, second], (i, trace) => (trace === first ? i === 0 : i >= 8))).toEqual(
      Array.from({ length: 13 }, (_, i) => 8 * i),
    );
  });

  it("asks of each record whether to fit on it, with its place and its trace", () => {
    const traces = [isolatedTrace(12, 9), isolatedTrace(12, 9)];
    const asked = new Set<string>();
    const { report } = fitLatency(traces, {
      isFitted: (record, index, trace) => {
        expect(trace.records[index]).toBe(record);
        asked.add(`${traces.indexOf(trace)}.${index}`);
        return traces.indexOf(trace) === 0 || index >= 9;
      },
    });
    expect(asked.size).toBe(24);
    expect(report.used.isolated).toBe(15);
    expect(report.leftOut[0].count).toBe(9);
  });

  it("warns of a kind of observation that it meets worse than its mean would", () => {
    // Prefills of one to ten chunks that take no longer for it, though a step of decodes takes 10 ms.
    const trace = traceOf(
      isolatedTrace(40, 20).records.map((record, i) => ({ ...record, ttftMs: 110 + 5 * (i % 3) })),
      100,
    );
    const { report } = fitLatency([trace], { kind: "empirical" });
    const [ttft] = report.residuals;
    expect(ttft.rSquared).toBeLessThan(-0.1);
    expect(report.warnings).toEqual([
      `the model meets 40 "TTFT of isolated requests" worse than their mean would (R2 ${ttft.rSquared!.toFixed(2)}): capture more requests, of more sizes`,
    ]);
    expect(fitLatency([isolatedTrace(40, 20)]).report.warnings.join()).not.toMatch(/worse than their mean/);
  });

  it("warns below an R squared of -0.1", () => {
    const seen: number[] = [];
    for (let waitMs = 40; waitMs < 90; waitMs++) {
      // Of each size two of four waited, which the curve of the fastest does not follow.
      const records = isolatedTrace(40, 20).records.map((record, i) => ({
        ...record,
        ttftMs: record.ttftMs! + waitMs * (Math.floor(i / 10) % 2),
      }));
      const trace = traceOf(records, 2048);
      const { residuals, warnings } = fitLatency([trace], { kind: "empirical" }).report;
      const { rSquared } = residuals[0];
      if (rSquared === undefined) continue;
      expect(warnings.length, `${rSquared}`).toBe(rSquared < -0.1 ? 1 : 0);
      seen.push(rSquared);
    }
    for (const [low, high] of [
      [-0.2, -0.1],
      [-0.1, -0.05],
      [-0.05, 0.1],
    ])
      expect(
        seen.some((rSquared) => low < rSquared && rSquared < high),
        `${low} to ${high}: ${seen}`,
      ).toBe(true);
  });

  it("fits the empirical model where asked to, and says why it could not on mean gaps", () => {
    expect(fitLatency([isolatedTrace(12, 9)], { kind: "empirical" }).model.kind).toBe("empirical");
    const onMeans = fitLatency([meansOf(isolatedTrace(40, 9))], { kind: "empirical" });
    expect(onMeans.model.kind).toBe("physical");
    const refused = "the empirical model needs the gaps: the physical model was fitted";
    expect(onMeans.report.warnings).toContain(refused);
    expect(fitLatency([meansOf(isolatedTrace(40, 9))]).report.warnings).not.toContain(refused);
    expect(fitLatency([isolatedTrace(12, 9)], { kind: "empirical" }).report.warnings).not.toContain(refused);
  });

  it("asks for prefills that a trace does not show with the model of the round before", () => {
    const traces = [meansOf(isolatedTrace(40, 9)), meansOf(isolatedTrace(40, 9))];
    const asked: Trace[] = [];
    const hidden = { endMs: 60, tokens: 500, tokenDepth: 125_000, chunks: 1, steps: 1 };
    const { report } = fitLatency(traces, {
      hiddenPrefills: (model, trace) => {
        expect(model.kind).toBe("physical");
        asked.push(trace);
        return [hidden];
      },
    });
    expect(asked).toHaveLength(12);
    expect(asked.filter((trace) => trace === traces[1])).toHaveLength(6);
    expect(report.used.span).toBe(80);
  });

  it("refuses a budget that is no positive integer", () => {
    expect(() => fitLatency([isolatedTrace(12, 9)], { maxNumBatchedTokens: 0 })).toThrow(
      "fitLatency: maxNumBatchedTokens must be a positive integer, got 0",
    );
  });
});
