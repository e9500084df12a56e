import { describe, expect, it } from "vitest";
import { calibrateLatency } from "../../lib/calibrate/index.js";
import { readCapture, readCaptures } from "../../lib/captures/index.js";
import { latencyModelFromJson, physicalModel, type StepForm } from "../../lib/latency/index.js";
import { replay } from "../../lib/replay/index.js";
import { sessionsOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { fromRoot } from "../cli/run-cli.js";
import { fittingSweep, simulateSteps, somePrices } from "../fit/step-simulator.js";

/** Requests that come one at a time, then several at once, with prompts of many sizes. */
const asked = simulateSteps({
  requests: fittingSweep(),
  prices: somePrices,
  maxNumBatchedTokens: 2048,
}).trace;

/** The same requests on an engine of ours, as a recorder saw them that knows nothing of how it schedules. */
function captureOf(
  engine: { readonly asyncScheduling?: boolean; readonly maxNumBatchedTokens?: number },
  options: { readonly form?: StepForm; readonly tellsBudget?: boolean; readonly expertPassMs?: number } = {},
): Trace {
  const { form, tellsBudget = true, expertPassMs } = options;
  const model = physicalModel({
    step: { ...somePrices, ...(expertPassMs !== undefined && { expertPassMs }) },
    ...(form && { form }),
    overhead: { requestMs: 2, promptTokenMs: 0 },
    range: { uncachedTokens: [1, 4096], contextTokens: [1, 8192], runningSeqs: [1, 64] },
  });
  const settings = { maxNumBatchedTokens: 2048, asyncScheduling: false, ...engine };
  const { trace } = replay(
    { trace: asked, sessions: sessionsOf(asked) },
    { model, engine: settings, pacing: "open-loop" },
  );
  return {
    ...trace,
    meta: {
      source: "synthetic",
      extra: {},
      engine: tellsBudget ? { maxNumBatchedTokens: settings.maxNumBatchedTokens } : {},
    },
  };
}

const withoutGaps = (trace: Trace): Trace => ({
  ...trace,
  records: trace.records.map(({ itlMs, ...record }) =>
    itlMs && itlMs.length > 0
      ? {
          ...record,
          itlSummary: { meanMs: itlMs.reduce((a, b) => a + b, 0) / itlMs.length, count: itlMs.length },
        }
      : record,
  ),
});

describe("calibrateLatency, what a capture does not tell", () => {
  it.each([false, true])(
    "finds that an engine schedules asynchronously: %s, by the steps that requests waited",
    (isAsync) => {
      const { supposed, from, scheduling, model, inSample } = calibrateLatency([
        captureOf({ asyncScheduling: isAsync }),
      ]);
      expect(supposed.asyncScheduling).toBe(isAsync);
      expect(from.asyncScheduling).toBe("fitted");
      expect(scheduling?.by).toBe("steps waited");
      const [right, wrong] = isAsync
        ? [scheduling!.asynchronous, scheduling!.synchronous]
        : [scheduling!.synchronous, scheduling!.asynchronous];
      expect(right).toBeLessThan(0.3);
      expect(wrong).toBeGreaterThan(0.7);
      expect(model.fittedAt?.asyncScheduling).toBe(isAsync);
      const ttft = inSample[0].find(({ quantity, statistic }) => quantity === "ttft" && statistic === "p50")!;
      expect(Math.abs(ttft.error)).toBeLessThan(0.05);
    },
  );

  it("finds that a step costs the longer of its sides, and keeps a sum where it is one", () => {
    const sum = calibrateLatency([captureOf({})]);
    expect(sum.supposed.form.combine).toBe("sum");
    const max = calibrateLatency([captureOf({}, { form: { combine: "max", expertShare: 0 } })]);
    expect(max.supposed.form.combine).toBe("max");
    const [asSum, asMax] = ["sum", "max"].map(
      (combine) => max.tried.find(({ form }) => form.combine === combine)!,
    );
    expect(asMax.heldOutError).toBeLessThan(asSum.heldOutError);
    expect(max.report.form).toEqual({ combine: "max", expertShare: 0 });
  });

  it("finds the token budget of a step, and says that it did", () => {
    const trace = captureOf({ maxNumBatchedTokens: 512 }, { tellsBudget: false });
    const { supposed, from, model } = calibrateLatency([trace]);
    expect([supposed.maxNumBatchedTokens, from.maxNumBatchedTokens]).toEqual([512, "fitted"]);
    expect(model.fittedAt?.maxNumBatchedTokens).toBe(512);
  });

  it("tries mixtures of experts for a model that is one, and no other", () => {
    const named = (model: string, trace: Trace): Trace => ({ ...trace, meta: { ...trace.meta, model } });
    const dense = calibrateLatency([named("Qwen/Qwen3-8B", captureOf({}))]);
    expect(dense.tried.every(({ form }) => form.expertShare === 0)).toBe(true);
    const moe = captureOf({}, { form: { combine: "sum", expertShare: 8 / 128 }, expertPassMs: 40 });
    const { supposed } = calibrateLatency([named("Qwen/Qwen3-30B-A3B", moe)]);
    expect(supposed.form).toEqual({ combine: "sum", expertShare: 8 / 128 });
  });

  it("does not try what it is given, nor what the capture tells", () => {
    const trace = captureOf({ asyncScheduling: true });
    const given = calibrateLatency([trace], {
      asyncScheduling: false,
      form: { combine: "sum", expertShare: 0 },
    });
    expect(given.from).toMatchObject({
      asyncScheduling: "given",
      form: "given",
      maxNumBatchedTokens: "captured",
    });
    expect([given.tried, given.scheduling, given.supposed.asyncScheduling]).toEqual([[], undefined, false]);
    const told: Trace = {
      ...trace,
      meta: { ...trace.meta, engine: { ...trace.meta.engine, asyncScheduling: true } },
    };
    expect(calibrateLatency([told]).from.asyncScheduling).toBe("captured");
  });

  it("takes the simplest of what is equally near, not the nearest by a hair", () => {
    const { supposed, tried } = calibrateLatency([captureOf({ asyncScheduling: true })], {
      maxNumBatchedTokens: 4096,
    });
    const least = Math.min(...tried.map(({ heldOutError }) => heldOutError));
    const own = tried.find(
      (t) => t.form === supposed.form && t.asyncScheduling === supposed.asyncScheduling,
    )!;
    expect(0.95 * own.heldOutError).toBeLessThanOrEqual(least);
    for (const simpler of tried.slice(0, tried.indexOf(own)))
      expect(0.95 * simpler.heldOutError).toBeGreaterThan(least);
  });

  it("calls scheduling assumed where replays of either kind are the same: requests that never met", () => {
    const spread = captureOf({}).records.map((record, i) => ({ ...record, arrivalMs: 60_000 * i }));
    const { from, tried, supposed } = calibrateLatency([withoutGaps({ ...captureOf({}), records: spread })]);
    expect(tried.map(({ asyncScheduling }) => asyncScheduling)).toEqual([false, true]);
    expect([supposed.asyncScheduling, from.asyncScheduling]).toEqual([false, "assumed"]);
  });

  it("assumes a sum where no prefill was beside a decode", () => {
    const alone = asked.records.filter((record, i) => {
      const next = asked.records[i + 1];
      return next === undefined || record.arrivalMs! + (record.elapsedMs ?? 3000) < next.arrivalMs!;
    });
    const { from, supposed } = calibrateLatency([{ ...asked, records: alone.slice(0, 30) }]);
    expect([from.form, supposed.form.combine]).toEqual(["assumed", "sum"]);
  });
});

describe("calibrateLatency on mean gaps", () => {
  it("describes the data that it was fitted on, with TTFTs of lone requests", () => {
    const { inSample } = calibrateLatency([withoutGaps(captureOf({}))]);
    for (const { statistic, error } of inSample[0])
      if (statistic !== "p99") expect(Math.abs(error), statistic).toBeLessThan(0.1);
  });

  it("sets the price of prefills by replays where no TTFT can be used by itself, and says by how much", () => {
    // Never alone: each arrives while the one before it has not ended.
    const requests = Array.from({ length: 60 }, (_, i) => ({
      arrivalMs: i * 150,
      promptTokens: 100 + 140 * (i % 7),
      outputTokens: 30 + (i % 5),
    }));
    const { trace } = simulateSteps({ requests, prices: somePrices, maxNumBatchedTokens: 2048 });
    const { report, inSample } = calibrateLatency([withoutGaps(trace)]);
    expect(report.used.isolated).toBeUndefined();
    expect(report.warnings.join()).toMatch(/prices of prefills were multiplied by/);
    const ttft = inSample[0].find(({ quantity, statistic }) => quantity === "ttft" && statistic === "p50")!;
    expect(Math.abs(ttft.error)).toBeLessThan(0.15);
  });
});

describe("calibrateLatency, captures with gaps in them", () => {
  it("calls assumed what it could not try, where a row without arrival keeps the trace from being replayed", () => {
    const trace = captureOf({}, { tellsBudget: false });
    const records = trace.records.map(({ arrivalMs, ...record }, i) =>
      i === trace.records.length - 1 ? record : { ...record, arrivalMs: arrivalMs! },
    );
    const alone = records.map((record, i) => (i < 30 ? { ...record, concurrency: 1 } : record));
    const { from, tried, inSample, model } = calibrateLatency([{ ...trace, records: alone }]);
    expect(tried).toEqual([]);
    expect(inSample).toEqual([[]]);
    expect(from).toEqual({
      form: "assumed",
      asyncScheduling: "assumed",
      maxNumBatchedTokens: "assumed",
    });
    expect(model.fittedAt).toBeUndefined();
  });

  it("compares the requests that were answered, where the slow ones failed", () => {
    const trace = captureOf({ asyncScheduling: false });
    const limitMs = 150;
    const records = trace.records.map(({ ttftMs, itlMs, itlCtx, ...record }) =>
      ttftMs! > limitMs
        ? { ...record, outputTokens: 0, finishReason: "error" }
        : { ...record, ttftMs: ttftMs!, itlMs: itlMs! },
    );
    expect(records.filter((record) => !("ttftMs" in record)).length).toBeGreaterThan(20);
    const { inSample } = calibrateLatency([{ ...trace, records }]);
    for (const { quantity, error } of inSample[0])
      if (quantity === "ttft") expect(Math.abs(error)).toBeLessThan(0.1);
  });
});

describe("calibrateLatency on gaps of requests that were never alone", () => {
  it("finds the time outside the engine's steps by replaying, and says so", () => {
    const requests = Array.from({ length: 80 }, (_, i) => ({
      arrivalMs: i * 150,
      promptTokens: 100 + 140 * (i % 7),
      outputTokens: 30 + (i % 5),
    }));
    const capture = (overheadMs: number) =>
      simulateSteps({
        requests,
        prices: somePrices,
        maxNumBatchedTokens: 2048,
        arrivalOverheadMs: () => overheadMs,
      }).trace;
    for (const overheadMs of [0, 12]) {
      const { model, report, supposed } = calibrateLatency([capture(overheadMs)]);
      expect(report.used.isolated).toBeUndefined();
      expect(supposed.asyncScheduling).toBe(false);
      const foundMs = model.timer(1).arrivalOverheadMs(500);
      expect(Math.abs(foundMs - overheadMs), `${foundMs} of ${overheadMs} ms`).toBeLessThanOrEqual(4);
      expect(report.warnings.join()).toMatch(new RegExp(`request_ms is ${foundMs} ms`));
      expect(report.coefficients.find(({ name }) => name === "request_ms")!.value).toBe(foundMs);
    }
  });
});

describe("calibrateLatency on the captures of real engines", () => {
  it("decides that vLLM on its CPU backend is synchronous, and prices its steps as fitLatency does", async () => {
    const { supposed, scheduling } = calibrateLatency(await readCaptures({ role: "fit" }));
    expect(supposed).toMatchObject({ asyncScheduling: false, form: { combine: "sum" } });
    expect(scheduling!.asynchronous - scheduling!.synchronous).toBeGreaterThan(0.5);
  }, 60_000);

  it("decides that vLLM with asynchronous scheduling is asynchronous, and predicts another capture of it", async () => {
    const read = async (name: string) => readTrace(fromRoot("data", "vllm-async", name));
    const { model, supposed, from } = calibrateLatency([await read("fit-sweep-1.jsonl.gz")]);
    expect([supposed.asyncScheduling, from.asyncScheduling]).toEqual([true, "fitted"]);
    const trace = await read("warm-1.jsonl.gz");
    const workload = { trace, sessions: sessionsOf(trace) };
    const modeled = replay(workload, { model });
    expect(modeled.conditions.engine).toMatchObject({
      settings: { asyncScheduling: true },
      from: { asyncScheduling: "fitted" },
    });
    trace.records.forEach((record, i) => {
      expect(modeled.trace.records[i].cachedTokens).toBe(record.cachedTokens);
    });
    const { median } = await import("../../lib/base/index.js");
    const p50 = (t: Trace) => median(t.records.flatMap(({ ttftMs }) => ttftMs ?? []))!;
    const error = (t: Trace) => Math.abs(p50(t) / p50(trace) - 1);
    expect(error(modeled.trace)).toBeLessThan(0.12);
    const wrong = replay(workload, { model, engine: { asyncScheduling: false } });
    expect(error(wrong.trace)).toBeGreaterThan(error(modeled.trace));
  }, 60_000);

  it("keeps what it decided and how it met its data in the model's JSON", async () => {
    const { model } = calibrateLatency([await readCapture({ role: "fit" })]);
    const text = JSON.stringify(model.toJson());
    const back = latencyModelFromJson(JSON.parse(text));
    expect(JSON.stringify(back.toJson())).toBe(text);
    expect(back.fittedAt).toEqual(model.fittedAt);
    expect(back.evidence).toEqual(model.evidence);
    expect(model.evidence?.engine).toBe("vllm");
    expect(model.evidence?.inSample).toHaveLength(1);
    expect(() => latencyModelFromJson({ ...JSON.parse(text), evidence: { in_sample: 3 } })).toThrow(
      /evidence/,
    );
  }, 60_000);
});
