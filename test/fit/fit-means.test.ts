import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { fitMeans } from "../../lib/fit/fit-means.js";
import type { PhysicalFit } from "../../lib/fit/fit-physical.js";
import { fitLatency } from "../../lib/fit/index.js";
import type { Observation } from "../../lib/fit/observation.js";
import { priceStep } from "../../lib/latency/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { observationOf } from "./observation-of.js";
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

  it("takes the least way to the scheduler, of the records that it is fitted on, for a request's overhead", () => {
    const waited = traceOf(
      trace.records.map((record, i) => ({
        ...record,
        extra: { waiting_ms: i < 80 ? 4 + (i % 3) : 1 + (i % 3) },
      })),
      2048,
    );
    const overheadMs = (isFitted: (index: number) => boolean) =>
      fitLatency([waited], { isFitted: (_, index) => isFitted(index) })
        .model.timer(1)
        .arrivalOverheadMs(100);
    expect(overheadMs((i) => i < 80)).toBeCloseTo(4, 9);
    expect(overheadMs((i) => i >= 80)).toBeCloseTo(1, 9);
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

describe("fitMeans", () => {
  const range = { uncachedTokens: [1, 2], contextTokens: [1, 2], runningSeqs: [1, 2] } as const;

  /** Whole decodes, and services that finish one step of decodes first where the engine schedules ahead. */
  function observations(isAhead: boolean): Observation[] {
    const random = stream(5, "means");
    const spans = Array.from({ length: 80 }, (_, run) => {
      const steps = 20 + random.integer(60);
      const seqs = 1 + random.integer(16);
      const chunks = random.integer(5);
      const load = {
        decodeSeqs: steps * seqs,
        decodeContextTokens: steps * seqs * (100 + random.integer(900)),
        prefillTokens: chunks * (50 + random.integer(200)),
        prefillSeqs: chunks,
      };
      const o = observationOf({ kind: "span", steps, load, share: steps, run });
      return { ...o, ms: priceStep(prices, o.load) + (steps - 1) * prices.stepMs };
    });
    const services = Array.from({ length: 60 }, (_, i) => {
      const seqs = random.integer(12);
      const load = {
        decodeSeqs: seqs,
        decodeContextTokens: seqs * (100 + random.integer(900)),
        prefillTokens: 50 + random.integer(400),
        prefillSeqs: 1,
      };
      const o = observationOf({ kind: "service", load, run: 100 + i });
      const decodeMs =
        prices.stepMs +
        prices.decodeSeqMs * load.decodeSeqs +
        prices.decodeContextTokenMs * load.decodeContextTokens;
      return { ...o, ms: priceStep(prices, o.load) + (isAhead && seqs > 0 ? decodeMs : 0) };
    });
    return [...spans, ...services];
  }

  it.each([
    ["in the step", false],
    ["a step ahead", true],
  ])("finds the prices of an engine that schedules %s", (_, isAhead) => {
    const { step, residuals } = fitMeans(() => observations(isAhead), range, {});
    for (const name of ["stepMs", "prefillTokenMs", "decodeSeqMs", "decodeContextTokenMs"] as const)
      expect(Math.abs(step[name] / prices[name] - 1), name).toBeLessThan(0.01);
    const service = residuals.find(({ of }) => of === "scheduled to first token")!;
    expect(service.relative.p95 - service.relative.p05).toBeLessThan(0.01);
  });

  it("observes four times for each of the two readings, each time knowing the round before", () => {
    const asked: (PhysicalFit | undefined)[] = [];
    const all = observations(false);
    fitMeans(
      (earlier) => {
        asked.push(earlier);
        return all;
      },
      range,
      {},
    );
    expect(asked.map((earlier) => earlier !== undefined)).toEqual([
      false,
      true,
      true,
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(asked[1]!.step.stepMs).toBeCloseTo(prices.stepMs, 1);
  });

  it("reads services as of an engine a step ahead from the first round on", () => {
    const asked: (PhysicalFit | undefined)[] = [];
    const all = observations(true);
    fitMeans(
      (earlier) => {
        asked.push(earlier);
        return all;
      },
      range,
      {},
    );
    const spreadOf = (fit: PhysicalFit | undefined) => {
      const { relative } = fit!.residuals.find(({ of }) => of === "scheduled to first token")!;
      return relative.p95 - relative.p05;
    };
    expect(spreadOf(asked[1])).toBeGreaterThan(0.01);
    expect(spreadOf(asked[5])).toBeLessThan(0.01);
  });

  it("says how far the two readings spread, where eight services tell", () => {
    const withServices = (count: number) => {
      const all = observations(true);
      const decodes = all.filter(({ kind }) => kind === "span");
      const services = all.filter(({ kind, load }) => kind === "service" && load.decodeSeqs > 2);
      return fitMeans(() => [...decodes, ...services.slice(0, count)], range, {});
    };
    const { scheduling } = withServices(8);
    expect(scheduling!.ahead).toBeLessThan(0.01);
    expect(scheduling!.inStep).toBeGreaterThan(0.1);
    const few = withServices(7);
    expect(few.scheduling).toBeUndefined();
    // Not enough to say that the engine schedules ahead: they are read as in their step.
    const residual = few.residuals.find(({ of }) => of === "scheduled to first token")!;
    expect(residual.relative.p95 - residual.relative.p05).toBeGreaterThan(0.1);
    expect(withServices(0).scheduling).toBeUndefined();
  });

  it("reads services as it is told to, in four rounds, and then compares nothing", () => {
    for (const isAhead of [false, true])
      for (const schedulesAhead of [false, true]) {
        let asked = 0;
        const all = observations(isAhead);
        const observe = () => {
          asked++;
          return all;
        };
        const { residuals, scheduling } = fitMeans(observe, range, { schedulesAhead });
        const { relative } = residuals.find(({ of }) => of === "scheduled to first token")!;
        expect(relative.p95 - relative.p05 < 0.01).toBe(isAhead === schedulesAhead);
        expect(scheduling).toBeUndefined();
        expect(asked).toBe(4);
      }
  });

  it("tells the two readings apart by services alone", () => {
    const services = observations(true).filter(({ kind }) => kind === "service");
    const { residuals } = fitMeans(() => services, range, {});
    expect(residuals.map(({ of }) => of)).toEqual(["scheduled to first token"]);
    expect(residuals[0].relative.p95 - residuals[0].relative.p05).toBeLessThan(0.01);
  });

  it("pulls a price towards zero by a ten-thousandth of it", () => {
    const spans = Array.from({ length: 40 }, (_, run) =>
      observationOf({ kind: "span", steps: 40, share: 40, run, ms: 40 * 6 }),
    );
    expect(fitMeans(() => spans, range, {}).step.stepMs).toBeCloseTo(6 / (1 + 1e-4), 6);
  });

  it("takes what is known of the way to the scheduler for a request's overhead", () => {
    const { model } = fitMeans(() => observations(false), range, { knownRequestMs: 11 });
    expect(model.timer(1).arrivalOverheadMs(500)).toBe(11);
  });

  it("lets load and its context, which rise together, share an effect", () => {
    const spans = Array.from({ length: 60 }, (_, run) => {
      const seqs = 1 + (run % 12);
      const load = { decodeSeqs: 40 * seqs, decodeContextTokens: 40 * seqs * 1000 };
      return observationOf({ kind: "span", steps: 40, load, share: 40, run, ms: 40 * (6 + 0.7 * seqs) });
    });
    const { step } = fitMeans(() => spans, range, {});
    expect(step.decodeSeqMs).toBeGreaterThan(0.3);
    expect(step.decodeSeqMs).toBeLessThan(0.4);
    expect(1000 * step.decodeContextTokenMs).toBeCloseTo(step.decodeSeqMs, 3);
  });
});
