import { describe, expect, it } from "vitest";
import {
  type AccuracyScenario,
  type CaptureStart,
  captureStarts,
  idleRequests,
  lastingShares,
  lastingSpeed,
  replayScenario,
  type ScenarioCapture,
  startAccuracy,
  startRequests,
  startSpeed,
} from "../../lib/judge/index.js";
import {
  type LatencyModel,
  type PhysicalModelParts,
  type PriceFactors,
  physicalModel,
  scalePrices,
} from "../../lib/latency/index.js";
import { replay } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { linearModel } from "../engine/linear-model.js";
import { somePrices } from "../fit/step-simulator.js";
import { traceOf } from "./judged-traces.js";

const parts: PhysicalModelParts = {
  step: somePrices,
  overhead: { requestMs: 2, promptTokenMs: 0.001 },
  range: { uncachedTokens: [1, 4096], contextTokens: [1, 8192], runningSeqs: [1, 64] },
  emissionMs: [1, 1.5, 2],
};
const model = physicalModel(parts);
const engine = { maxNumBatchedTokens: 512 };

/** Requests some time apart, of which every fifth is joined by another one before its first token. */
function schedule(count: number, apartMs: number): Trace {
  const records = Array.from({ length: count }, (_, i): Partial<TraceRecord> => {
    const joins = i % 5 === 4;
    return {
      promptTokens: 100 + 150 * (i % 9),
      outputTokens: 12,
      arrivalMs: joins ? (i - 1) * apartMs + 4 : i * apartMs,
    };
  });
  return { ...traceOf(records), meta: { engine, extra: {} } };
}

/** What an engine at this speed would have recorded of it. */
function captured(speed: PriceFactors, of: LatencyModel = model, count = 60, apartMs = 2000): Trace {
  return replay(workloadOf(schedule(count, apartMs)), { model: scalePrices(of, speed), engine }).trace;
}

const record = (arrivalMs: number, ttftMs: number | undefined, ...gaps: number[]): Partial<TraceRecord> => ({
  arrivalMs,
  ...(ttftMs !== undefined && { ttftMs }),
  itlMs: Float64Array.from(gaps),
  outputTokens: gaps.length + 1,
  finishReason: "length",
});

describe("idleRequests", () => {
  it("had the engine to themselves until their first token, in order of arrival, with the gaps before the next came", () => {
    const trace = traceOf([
      record(500, 50, 5, 5, 5),
      record(0, 40, 10, 10),
      // Comes while the first decodes: the first is alone until then, this one is not.
      record(52, 20, 6),
      record(200, 60, 7),
      record(230, 60, 7),
      record(556, 10, 4),
    ]);
    // The one at 200 is joined before its first token; of that at 500 one gap ended before 556.
    expect(idleRequests(trace)).toEqual([
      { index: 1, gapsMs: [10] },
      { index: 0, gapsMs: [5] },
    ]);
  });

  it("follow no request whose end is not known before them, and need an arrival and a first token", () => {
    const trace = traceOf([
      { arrivalMs: 0, elapsedMs: 900, finishReason: "abort" },
      record(100, 10),
      record(1000, 10),
      { ttftMs: 10 },
    ]);
    expect(idleRequests(trace)).toEqual([{ index: 2, gapsMs: [] }]);
  });
});

describe("startSpeed", () => {
  it.each([
    ["slower", { prefill: 1.2, decode: 1.1 }],
    ["faster at decodes alone", { prefill: 1, decode: 0.7 }],
    ["as the model", { prefill: 1, decode: 1 }],
  ])("finds a start that was %s", (_, speed) => {
    const found = startSpeed(captured(speed), model)!;
    // Overheads out are drawn from 1 to 2 ms.
    expect(found.decode).toBeCloseTo(speed.decode, 6);
    expect(Math.abs(found.prefill / speed.prefill - 1)).toBeLessThan(0.01);
    expect(found.requests).toBe(10);
  });

  it("finds it where a step costs the longer of its sides", () => {
    const longer = physicalModel({ ...parts, form: { combine: "max", expertShare: 0 } });
    const found = startSpeed(captured({ prefill: 1.2, decode: 0.8 }, longer), longer)!;
    expect(found.decode).toBeCloseTo(0.8, 6);
    expect(Math.abs(found.prefill / 1.2 - 1)).toBeLessThan(0.02);
  });

  it("takes nothing of the model's own noise, whose median is not 1, for speed", () => {
    const values = Float64Array.from([0.8, 0.8, 0.8, 1.6]);
    const runStarts = Int32Array.from([0, 1, 2, 3]);
    const noisy = physicalModel({
      ...parts,
      noise: [0, 5].map((row) => ({ row, column: 1, values, runStarts })),
    });
    const found = startSpeed(captured({ prefill: 1, decode: 0.7 }, noisy, 300), noisy, { requests: 100 })!;
    // Against the prices alone it would be 0.56.
    expect(found.decode).toBeCloseTo(0.7, 6);
    expect(Math.abs(found.prefill - 1)).toBeLessThan(0.05);
  });

  it("uses the requests asked for: the first, or those after some that are passed over", () => {
    const fast = captured({ prefill: 1, decode: 0.5 }, model, 30);
    const slow = captured({ prefill: 1, decode: 2 }, model, 30);
    const shift = 60_000;
    const trace = {
      ...fast,
      records: [
        ...fast.records,
        ...slow.records.map((r) => ({ ...r, arrivalMs: (r.arrivalMs as number) + shift })),
      ],
    };
    const idle = idleRequests(fast).length;
    expect(startSpeed(trace, model, { requests: 3 })).toMatchObject({ requests: 3 });
    expect(startSpeed(trace, model, { requests: 3 })!.decode).toBeCloseTo(0.5, 6);
    const rest = startSpeed(trace, model, { skip: idle, requests: Number.POSITIVE_INFINITY })!;
    expect(rest.decode).toBeCloseTo(2, 6);
    expect(rest.requests).toBe(idleRequests(slow).length);
    const third = trace.records[idleRequests(trace)[2]!.index]!;
    expect(startSpeed(trace, model, { requests: 3 })!.untilMs).toBe(third.arrivalMs);
  });

  it("is nothing where no request was alone, or the model has no prices", () => {
    const together = traceOf([record(0, 50, 5), record(1, 60, 5)]);
    expect(startSpeed(together, model)).toBeUndefined();
    expect(startSpeed(captured({ prefill: 1, decode: 1 }), linearModel({ base: 4 }))).toBeUndefined();
  });
});

describe("scalePrices", () => {
  it("refuses a model that has no prices", () => {
    expect(() => scalePrices(linearModel({ base: 4 }), { prefill: 1, decode: 2 })).toThrow(
      'scalePrices: a model of the kind "linear" has no prices to scale: fit a physical one',
    );
  });
});

const scenario: AccuracyScenario = {
  title: "apart",
  engine: "vLLM",
  judged: "apart",
  cache: "on",
  pacing: "open-loop",
};

function captureAt(speed: PriceFactors, seed: number): ScenarioCapture {
  const trace = captured(speed);
  return { engine: "vLLM", scenario: "apart", seed, trace, sessions: inferSessions(trace) };
}

describe("the part of a start's speed that lasts", () => {
  const start = (first: PriceFactors, later?: PriceFactors): CaptureStart => ({
    capture: captureAt({ prefill: 1, decode: 1 }, 1),
    first: { ...first, requests: 10, untilMs: 0 },
    ...(later && { later: { ...later, requests: 20, untilMs: 0 } }),
  });
  const half = start({ prefill: 1.44, decode: 0.64 }, { prefill: 1.2, decode: 0.8 });

  it("is what the logarithms of first and later have in common", () => {
    expect(lastingShares([half]).prefill).toBeCloseTo(0.5, 12);
    expect(lastingShares([half]).decode).toBeCloseTo(0.5, 12);
    const all = start({ prefill: 1.21, decode: 0.81 }, { prefill: 1.21, decode: 0.81 });
    const x = [Math.log(1.44), Math.log(1.21)] as const;
    const share = (0.5 * x[0] ** 2 + x[1] ** 2) / (x[0] ** 2 + x[1] ** 2);
    expect(lastingShares([half, all]).prefill).toBeCloseTo(share, 12);
  });

  it("is at least nothing and at most all, and all where no start tells", () => {
    const turned = start({ prefill: 1.2, decode: 0.9 }, { prefill: 0.9, decode: 0.5 });
    expect(lastingShares([turned])).toEqual({ prefill: 0, decode: 1 });
    expect(lastingShares([start({ prefill: 1.2, decode: 0.9 })])).toEqual({ prefill: 1, decode: 1 });
  });

  it("is told by the other starts alone", () => {
    const judged = start({ prefill: 1.21, decode: 0.81 }, { prefill: 9, decode: 9 });
    const { prefill, decode } = lastingSpeed(judged, [judged, half]);
    expect(prefill).toBeCloseTo(1.1, 12);
    expect(decode).toBeCloseTo(0.9, 12);
  });
});

describe("startAccuracy", () => {
  const speeds = [
    { prefill: 1.2, decode: 0.8 },
    { prefill: 1, decode: 0.7 },
  ];
  const captures = speeds.map((speed, k) => captureAt(speed, k + 1));
  const starts = captureStarts(captures, () => model);
  const judged = replayScenario(scenario, captures, model, 2);
  const told = startAccuracy(scenario, captures, model, judged, starts)!;

  it("knows the speed of each start, first and later", () => {
    expect(told.captures.map(({ capture }) => capture.seed)).toEqual([1, 2]);
    told.captures.forEach(({ first, later }, k) => {
      expect(first.requests).toBe(startRequests);
      for (const found of [first, later!]) {
        expect(found.decode).toBeCloseTo(speeds[k]!.decode, 6);
        expect(Math.abs(found.prefill / speeds[k]!.prefill - 1)).toBeLessThan(0.01);
      }
    });
  });

  it("takes an error away that is the start's, on the requests after those that told its speed", () => {
    const gaps = told.cells.find((c) => c.quantity === "itl" && c.quantile === 0.9)!;
    expect(Math.abs(gaps.error)).toBeGreaterThan(0.2);
    for (const cell of told.cells) {
      expect(Math.abs(cell.atFirstSpeed)).toBeLessThan(0.02);
      expect(Math.abs(cell.atLaterSpeed!)).toBeLessThan(0.02);
    }
    const ttft = told.cells.find((c) => c.quantity === "ttft")!;
    const after = captures.flatMap(({ trace }, k) =>
      trace.records.filter((r) => r.arrivalMs! > starts[k]!.first.untilMs),
    );
    expect(ttft.n).toBe(after.length);
    expect(after.length).toBeLessThan(2 * 60 - 20);
  });

  it("leaves an error that is not the start's", () => {
    // Lone requests as the model says, and an engine that is slower where there are two.
    const stretched = captures.map((capture) => {
      const { trace } = replay(workloadOf(schedule(60, 2000)), { model, engine });
      const alone = new Set(idleRequests(trace).map(({ index }) => index));
      const records = trace.records.map((r, i) =>
        alone.has(i) ? r : { ...r, ttftMs: 2 * (r.ttftMs as number) },
      );
      return { ...capture, trace: { ...trace, records } };
    });
    const own = startAccuracy(
      scenario,
      stretched,
      model,
      replayScenario(scenario, stretched, model, 1),
      captureStarts(stretched, () => model),
    )!;
    const p90 = own.cells.find((c) => c.quantity === "ttft" && c.quantile === 0.9)!;
    expect(p90.error).toBeLessThan(-0.2);
    expect(Math.abs(p90.atFirstSpeed - p90.error)).toBeLessThan(0.05);
  });

  it("says nothing where one of the captures tells no speed", () => {
    expect(startAccuracy(scenario, captures, model, judged, starts.slice(1))).toBeUndefined();
    expect(captureStarts(captures, () => undefined)).toEqual([]);
    expect(startAccuracy({ ...scenario, judged: "never" }, captures, model, [], starts)).toBeUndefined();
  });

  it("does not say how a start went on from fewer than five later requests", () => {
    const few = captureAt({ prefill: 1, decode: 1 }, 1);
    const cut = idleRequests(few.trace)[startRequests + 3]!.index;
    const trace = { ...few.trace, records: few.trace.records.slice(0, cut + 1) };
    const [start] = captureStarts([{ ...few, trace, sessions: inferSessions(trace) }], () => model);
    expect(start!.first.requests).toBe(startRequests);
    expect(start!.later).toBeUndefined();
  });
});
