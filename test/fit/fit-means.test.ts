import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { fitLatency } from "../../lib/fit/index.js";
import { priceStep } from "../../lib/latency/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { simulateSteps, somePrices, traceOf } from "./step-simulator.js";

const prices = { ...somePrices, prefillTokenDepthMs: 0 };

/** Open-loop load that ramps up, stays, and drains. */
function loadedTrace(seed: number): Trace {
  const random = stream(seed, "load");
  let nowMs = 0;
  const requests = Array.from({ length: 160 }, () => {
    nowMs += random.exponential(160);
    return {
      arrivalMs: nowMs,
      promptTokens: 50 + random.integer(500),
      outputTokens: 60 + random.integer(200),
    };
  });
  return simulateSteps({ requests, prices, maxNumBatchedTokens: 2048 }).trace;
}

/** The same capture by a recorder that kept only each request's mean gap. */
function meansOnly(trace: Trace): Trace {
  const records = trace.records.map(({ itlMs, ...record }) => ({
    ...record,
    itlSummary: { meanMs: itlMs!.reduce((sum, gap) => sum + gap, 0) / itlMs!.length, count: itlMs!.length },
  }));
  return traceOf(records, 2048);
}

function decode(seqs: number, contextTokens: number) {
  return {
    prefillTokens: 0,
    prefillTokenDepth: 0,
    prefillSeqs: 0,
    decodeSeqs: seqs,
    decodeContextTokens: seqs * contextTokens,
  };
}

describe("fitLatency on mean gaps", () => {
  const trace = meansOnly(loadedTrace(11));

  it("prices decode steps within 6 % over the loads that it saw", () => {
    const { model, report } = fitLatency([trace]);
    const timer = model.timer(1);
    const seen = Math.min(30, report.range.runningSeqs[1]);
    for (let seqs = 4; seqs <= seen; seqs += 4)
      expect(
        Math.abs(timer.stepMs(decode(seqs, 400)) / priceStep(prices, decode(seqs, 400)) - 1),
        `${seqs} sequences`,
      ).toBeLessThan(0.06);
  });

  it("meets the duration of whole decodes within 5 %, and says that it has no step noise", () => {
    const { model, report } = fitLatency([trace]);
    const spans = report.residuals.find((r) => r.of === "first to last token")!;
    expect(spans.n).toBeGreaterThan(100);
    expect(Math.max(-spans.relative.p05, spans.relative.p95)).toBeLessThan(0.05);
    expect(report.warnings.join()).toMatch(/no step noise/);
    const load = {
      prefillTokens: 100,
      prefillTokenDepth: 5000,
      prefillSeqs: 1,
      decodeSeqs: 2,
      decodeContextTokens: 900,
    };
    expect(model.timer(1).stepMs(load)).toBe(model.timer(2).stepMs(load));
  });

  it("learns only from the records it is given, and counts the others as load", () => {
    const half = fitLatency([trace], { isFitted: (_, index) => index < 80 });
    expect(half.report.used.span).toBeLessThanOrEqual(80);
    expect(half.report.leftOut.some(({ count, reason }) => count === 80 && /only load/.test(reason))).toBe(
      true,
    );
  });

  it("refuses fewer than 30 decodes of known length", () => {
    expect(() => fitLatency([traceOf(trace.records.slice(0, 12), 2048)])).toThrow(
      /12 decodes.*30 are needed/,
    );
  });

  it("sets aside decodes far slower than those beside them: preempted for a while", () => {
    const records = trace.records.map((record, i) =>
      i % 10 === 5
        ? { ...record, itlSummary: { ...record.itlSummary!, meanMs: 2 * record.itlSummary!.meanMs } }
        : record,
    );
    const { report } = fitLatency([traceOf(records, 2048)]);
    const preempted = report.leftOut.find(({ reason }) => /preempted/.test(reason));
    expect(preempted?.count).toBeGreaterThanOrEqual(14);
    expect(preempted?.count).toBeLessThanOrEqual(18);
  });
});
