import { describe, expect, it } from "vitest";
import {
  type AccuracyScenario,
  accuracyScenarios,
  comparePacing,
  judgeCaptures,
  pooledStepsWaited,
  replayScenario,
  type ScenarioCapture,
  slowBandThresholdMs,
} from "../../lib/judge/index.js";
import { withConditions } from "../../lib/latency/index.js";
import { capturedEngine, replay } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { linearModel } from "../engine/linear-model.js";
import { fittingSweep, simulateSteps, somePrices } from "../fit/step-simulator.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const model = linearModel({ base: 4, prefill: 0.2, depth: 0.0001, decode: 0.5, arrival: 1, emission: 1 });

function scheduleOf(seed: number): Trace {
  return multiturnTrace({
    sessions: 6 + seed,
    turns: 3,
    prefixTokens: 200,
    promptTokens: 30,
    outputTokens: 12,
  }).trace;
}

/** What an engine of the model's prices would have recorded of a schedule. */
function captureOf(scenario: string, cache: "on" | "off", seed: number, engine = "vLLM"): ScenarioCapture {
  const schedule = scheduleOf(seed);
  const { trace } = replay(workloadOf(schedule), {
    model,
    engine: { enablePrefixCaching: cache === "on", maxNumSeqs: 64 },
  });
  return { engine, scenario, seed, trace, sessions: inferSessions(trace) };
}

const captures = [
  captureOf("warm", "on", 1),
  captureOf("warm", "on", 2),
  captureOf("cold", "off", 2),
  captureOf("cold", "off", 1),
  captureOf("warm", "on", 1, "llama.cpp"),
];
const warm: AccuracyScenario = {
  title: "warm",
  engine: "vLLM",
  judged: "warm",
  cache: "on",
  pacing: "session",
};
const counterfactual: AccuracyScenario = {
  title: "cold from warm",
  engine: "vLLM",
  judged: "cold",
  replayed: "warm",
  cache: "off",
  pacing: "session",
};

describe("replayScenario", () => {
  it("replays each capture of the scenario and of its engine, once a model seed", () => {
    const judged = replayScenario(warm, captures, model, 3);
    expect(judged.map((j) => j.trace)).toEqual([captures[0]!.trace, captures[1]!.trace]);
    for (const { modeled, trace } of judged) {
      expect(modeled.map((m) => m.meta.extra.seed)).toEqual([1, 2, 3]);
      expect(modeled[0]!.records).toHaveLength(trace.records.length);
      expect(modeled[0]!.records.some((r) => r.cachedTokens! > 0)).toBe(true);
      expect(capturedEngine(modeled[0]!.meta).maxNumSeqs).toBe(64);
    }
  });

  it("replays the capture with the same seed under the judged one's cache, record for record", () => {
    const judged = replayScenario(counterfactual, captures, model, 1);
    // The judged captures are in the order of the inventory, seed 2 first.
    expect(judged.map((j) => j.trace.records.length)).toEqual([24, 21]);
    for (const { trace, modeled, sessions } of judged) {
      expect(modeled[0]!.records.every((r) => r.cachedTokens === 0)).toBe(true);
      trace.records.forEach((record, i) => {
        const other = modeled[0]!.records[i]!;
        expect([record.session, record.turn]).toEqual([other.session, other.turn]);
        expect(record.ttftMs).toBeCloseTo(other.ttftMs!, 6);
      });
      expect(sessions.turn).toHaveLength(trace.records.length);
    }
  });

  it("tells how busy the modeled engine was, as a mean over the seeds", () => {
    const [judged] = replayScenario(warm, captures, model, 2);
    const { trace, sessions } = captures[0]!;
    const one = replay({ trace, sessions }, { model, pacing: "session", engine: capturedEngine(trace.meta) });
    expect(judged!.busyFraction).toBeCloseTo(one.run.busyMs / one.virtualMs, 12);
    expect(judged!.busyFraction).toBeLessThan(1);
  });

  it("replays open loop where the scenario says so", () => {
    const [judged] = replayScenario({ ...warm, pacing: "open-loop" }, captures, model, 1);
    expect(judged!.modeled[0]!.meta.extra.pacing).toBe("open-loop");
  });

  it("replays a capture from itself though it records no sessions, as open-loop ones do", () => {
    const records = captures[0]!.trace.records.map(({ session: _, turn: __, ...record }) => record);
    const bare = { ...captures[0]!, trace: { ...captures[0]!.trace, records } };
    const [judged] = replayScenario({ ...warm, pacing: "open-loop" }, [bare], model, 1);
    expect(judged!.trace).toBe(bare.trace);
    expect(judged!.modeled[0]!.records).toHaveLength(records.length);
  });

  it("is nothing where the scenario was not captured", () => {
    expect(replayScenario({ ...warm, judged: "burst" }, captures, model, 1)).toEqual([]);
  });

  it("refuses a judged capture whose counterpart is missing, or is of other requests", () => {
    const [, , cold2] = captures;
    expect(() => replayScenario(counterfactual, [captures[0]!, cold2!], model, 1)).toThrow(
      'cold from warm: there is no vLLM capture of "warm" with seed 2 to replay',
    );
    const other = { ...captures[0]!, seed: 2 };
    expect(() => replayScenario(counterfactual, [other, cold2!], model, 1)).toThrow(
      'the captures of "cold" and "warm" with seed 2 are not of the same requests',
    );
  });
});

describe("judgeCaptures", () => {
  const sweep = simulateSteps({
    requests: fittingSweep(),
    prices: somePrices,
    maxNumBatchedTokens: 2048,
    arrivalOverheadMs: () => 2,
    emissionOverheadMs: () => 1,
    noise: () => 1,
  }).trace;
  // The first 18 requests of the sweep come one after the other.
  const fitted: Trace = {
    ...sweep,
    records: sweep.records.map((record, i) => (i < 18 ? { ...record, concurrency: 1 } : record)),
  };
  const scenarios = [warm, counterfactual, { ...warm, title: "never captured", judged: "burst" }];
  const vllm = captures.filter((c) => c.engine === "vLLM");
  const seen: string[] = [];
  const report = judgeCaptures({
    captures: vllm,
    fitSets: { vLLM: [fitted] },
    seeds: 2,
    kinds: ["physical"],
    scenarios,
    onScenario: (kind, { title }) => seen.push(`${kind}: ${title}`),
  });

  it("reports each scenario that was captured, in order, with the number of its captures", () => {
    expect(seen).toEqual(["physical: warm", "physical: cold from warm"]);
    expect(report.scenarios.map((s) => [s.kind, s.scenario.title, s.accuracy.captures])).toEqual([
      ["physical", "warm", 2],
      ["physical", "cold from warm", 2],
    ]);
    expect(report.seeds).toBe(2);
    expect(report.scenarios.every((s) => s.accuracy.pooled.seeds === 2)).toBe(true);
  });

  it("allows 10 % with the cache off, and 3 % or the spread with it on", () => {
    const [on, off] = report.scenarios;
    expect(new Set(off!.accuracy.cells.map((c) => c.allowed))).toEqual(new Set([0.1]));
    for (const cell of on!.accuracy.cells)
      expect(cell.allowed).toBe(Math.max(cell.quantile > 0.9 ? 0.1 : 0.03, cell.seedSpread ?? 0));
  });

  it("counts as slow what is longer than three gaps of a vLLM decode that was alone", () => {
    expect(report.slowMs).toBe(slowBandThresholdMs([fitted]));
    expect(report.slowMs).toBeGreaterThan(3 * somePrices.stepMs);
    const ofLlama = judgeCaptures({ captures: [], fitSets: { "llama.cpp": [fitted] } });
    expect(ofLlama.slowMs).toBe(0);
  });

  it("judges by default the scenarios of the accuracy page, under both kinds of model, with three seeds", () => {
    const { scenarios: all, seeds } = judgeCaptures({
      captures: vllm.slice(0, 1),
      fitSets: { vLLM: [fitted] },
    });
    expect(all.map((s) => [s.kind, s.scenario])).toEqual([
      ["physical", accuracyScenarios[0]],
      ["empirical", accuracyScenarios[0]],
    ]);
    expect([seeds, ...all.map((s) => s.accuracy.pooled.seeds)]).toEqual([3, 3, 3]);
  });

  it("makes models as it is told to, and leaves scheduling alone where nothing decided it", () => {
    const asked: string[] = [];
    const told = judgeCaptures({
      captures: vllm,
      fitSets: { vLLM: [fitted] },
      seeds: 1,
      scenarios: [{ ...warm, againstOtherScheduling: true }],
      fit: (traces, { kind }) => {
        asked.push(`${kind} of ${traces.length}`);
        return { model };
      },
    });
    expect(asked).toEqual(["physical of 1", "empirical of 1"]);
    for (const { fit, accuracy, otherScheduling, start } of told.scenarios) {
      expect(fit.model).toBe(model);
      // The captures are what this model says.
      expect(accuracy.cells.find((c) => c.group === "all")!.error).toBeCloseTo(0, 6);
      expect(otherScheduling).toBeUndefined();
      expect(start).toBeUndefined();
    }
  });

  it("replays as the fit decided that the engine schedules, and the other way where the scenario asks for it", () => {
    // The engine of an asynchronous capture, under enough load that a step's delay shows.
    const busy = [1, 2].map((seed): ScenarioCapture => {
      const schedule = { ...scheduleOf(seed) };
      const records = schedule.records.map((r) => ({ ...r, arrivalMs: (r.arrivalMs as number) / 6 }));
      const { trace } = replay(workloadOf({ ...schedule, records }), {
        model,
        engine: { asyncScheduling: true },
      });
      return { engine: "vLLM", scenario: "warm", seed, trace, sessions: inferSessions(trace) };
    });
    const asynchronous = withConditions(model, { fittedAt: { asyncScheduling: true } });
    const judge = (againstOtherScheduling: boolean) =>
      judgeCaptures({
        captures: busy,
        fitSets: { vLLM: [fitted] },
        seeds: 1,
        kinds: ["physical"],
        scenarios: [{ ...warm, againstOtherScheduling }],
        fit: () => ({ model: asynchronous }),
      }).scenarios[0]!;
    const { accuracy, otherScheduling } = judge(true);
    const ttft = (cells: typeof accuracy.cells) =>
      cells.find((c) => c.group === "all" && c.quantity === "ttft")!;
    expect(ttft(accuracy.cells).error).toBeCloseTo(0, 6);
    expect(ttft(otherScheduling!.cells).error).toBeLessThan(-0.01);
    expect(judge(false).otherScheduling).toBeUndefined();
    // The replay is the capture, and so are the steps that its requests waited for.
    const { captured, modeled } = judge(false).waited;
    expect(captured).toEqual(pooledStepsWaited(busy.map(({ trace }) => trace)));
    expect(captured.n).toBeGreaterThan(0);
    expect(modeled).toEqual(captured);
  });

  it("tells the noise of vLLM alone", () => {
    const { noise } = judgeCaptures({ captures, fitSets: { vLLM: [fitted] }, scenarios: [], kinds: [] });
    expect(captures.filter((c) => c.scenario === "warm")).toHaveLength(3);
    expect(noise).toEqual(report.noise);
  });

  it("tells the engine's noise of scenarios that were captured more than once", () => {
    expect(report.noise.map((n) => [n.scenario, n.captures])).toEqual([
      ["warm", 2],
      ["cold", 2],
    ]);
    expect(
      judgeCaptures({ captures: [vllm[0]!], fitSets: { vLLM: [fitted] }, scenarios: [], kinds: [] }).noise,
    ).toEqual([]);
  });

  it("compares pacing on a warm and a cold capture of one schedule, where there are both", () => {
    // The first warm capture has seed 1: 7 sessions with two later turns each. Of seed 2, listed first, it is 8.
    expect(report.pacing!.captured.curve.n).toBe(14);
    expect(report.pacing!.sessionPaced.curve.n).toBe(14);
    const warmOnly = judgeCaptures({
      captures: vllm.slice(0, 2),
      fitSets: { vLLM: [fitted] },
      scenarios: [],
      kinds: [],
    });
    expect(warmOnly.pacing).toBeUndefined();
  });

  it("refuses to judge a capture that it fits on, and an engine without captures to fit on", () => {
    const both = { ...vllm[0]!, trace: fitted, sessions: inferSessions(fitted) };
    expect(() => judgeCaptures({ captures: [both], fitSets: { vLLM: [fitted] } })).toThrow(
      'the vLLM capture of "warm" with seed 1 is among those that are fitted on',
    );
    expect(() => judgeCaptures({ captures: vllm, fitSets: {}, scenarios })).toThrow(
      "fitSets has no capture of vLLM to fit on",
    );
  });
});

describe("comparePacing", () => {
  it("replays the warm capture with the cache off in both ways, beside the cold one", () => {
    const [on, , , off] = captures;
    const { captured, sessionPaced, openLoop } = comparePacing(on!, off!, model);
    // The cold capture is what the session-paced replay says: it was made so.
    expect(sessionPaced.medianMs).toBeCloseTo(captured.medianMs!, 6);
    expect(openLoop.medianMs).not.toBeCloseTo(captured.medianMs!, 3);
    expect(captured.curve.n).toBe(off!.trace.records.filter((r) => r.turn !== 1).length);
  });
});

describe("accuracyScenarios", () => {
  it("judges each scenario once, counterfactuals from a capture with the cache on", () => {
    expect(new Set(accuracyScenarios.map((s) => s.title)).size).toBe(accuracyScenarios.length);
    for (const { replayed, cache } of accuracyScenarios)
      if (replayed !== undefined) expect([replayed, cache]).toEqual(["warm", "off"]);
  });
});
