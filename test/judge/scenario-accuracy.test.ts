import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import {
  allowanceOf,
  compareTraces,
  type JudgedCapture,
  poolCaptures,
  scenarioAccuracy,
  seedNoise,
} from "../../lib/judge/index.js";
import { repeated, sessionsOf, traceOf, ttftTrace } from "./judged-traces.js";

/** One capture of 40 requests that all take as long. */
function judged(capturedMs: number, modeledMs: number, busyFraction = 0.5): JudgedCapture {
  return {
    trace: ttftTrace(repeated(capturedMs, 40)),
    sessions: sessionsOf(10, 4),
    modeled: [ttftTrace(repeated(modeledMs, 40))],
    busyFraction,
  };
}

const median = (accuracy: ReturnType<typeof scenarioAccuracy>) =>
  accuracy.cells.find((c) => c.group === "all" && c.quantity === "ttft" && c.quantile === 0.5)!;

describe("scenarioAccuracy", () => {
  it.each([
    [125, true],
    [75, true],
    [125.001, false],
    [74.999, false],
    [100, true],
    [300, false],
    [1, false],
  ])("of 100 ms modeled as %d ms, a quarter allowed: holds %s, too slow or too fast", (modeledMs, holds) => {
    const cell = median(scenarioAccuracy([judged(100, modeledMs)], () => 0.25));
    expect(cell).toMatchObject({ holds, allowed: 0.25, gates: true });
    expect(cell.seedSpread).toBeUndefined();
  });

  it("does not hold where there is no error to judge", () => {
    const silent = { ...judged(100, 100), modeled: [traceOf(repeated(0, 40).map(() => ({})))] };
    expect(median(scenarioAccuracy([silent], () => 1)).holds).toBe(false);
  });

  it("asks for the allowance of each number with its quantile and its spread over the captures", () => {
    const asked: [number, number | undefined][] = [];
    const captures = [judged(90, 100), judged(100, 100), judged(110, 100)];
    const accuracy = scenarioAccuracy(captures, ({ quantile }, spread) => {
      asked.push([quantile, spread]);
      return 0.5;
    });
    expect(asked).toHaveLength(accuracy.cells.length);
    expect(new Set(asked.map(([quantile]) => quantile))).toEqual(new Set([0.5, 0.9, 0.99]));
    for (const [, spread] of asked) expect(spread).toBeCloseTo(0.2, 12);
    expect(median(accuracy).seedSpread).toBeCloseTo(0.2, 12);
  });

  it("takes the spread of a number over the captures that have it", () => {
    const single = (ms: number): JudgedCapture => ({
      trace: ttftTrace(repeated(ms, 10)),
      sessions: sessionsOf(10, 1),
      modeled: [ttftTrace(repeated(ms, 10))],
      busyFraction: 1,
    });
    const { cells } = scenarioAccuracy([single(80), judged(100, 100), judged(120, 120)], () => 1);
    const spreadOf = (group: string) =>
      cells.find((c) => c.group === group && c.quantity === "ttft" && c.quantile === 0.5)!.seedSpread;
    expect(spreadOf("turn1")).toBeCloseTo(0.4, 12);
    expect(spreadOf("turns2plus")).toBeCloseTo(20 / 110, 12);
  });

  it("pools the requests of all captures, and tells how many and how busy", () => {
    const accuracy = scenarioAccuracy([judged(100, 100, 0.7), judged(200, 210, 0.2)], () => 0.1);
    const cell = median(accuracy);
    expect(cell.n).toBe(80);
    expect([cell.capturedMs, cell.modeledMs]).toEqual([150, 155]);
    expect(accuracy.captures).toBe(2);
    expect(accuracy.busyFraction).toEqual([0.2, 0.7]);
    expect(accuracy.pooled.cells.map((c) => c.error)).toEqual(accuracy.cells.map((c) => c.error));
  });

  it("keeps sessions of different captures apart: twice the sessions, and an interval from all of them", () => {
    const draw = stream(6, "captures");
    const capture = (sessions: number): JudgedCapture => {
      const levels = Array.from({ length: sessions }, () => 50 + draw.exponential(50));
      const times = (slower: number) =>
        levels.flatMap((level) => Array.from({ length: 4 }, () => slower * level * (1 + draw.uniform() / 4)));
      return {
        trace: ttftTrace(times(1)),
        sessions: sessionsOf(sessions, 4),
        modeled: [ttftTrace(times(1.1))],
        busyFraction: 1,
      };
    };
    const captures = [capture(6), capture(7)];
    const { cells } = scenarioAccuracy(captures, () => 0.1);
    const shifted = captures.map((c, k) => ({
      ...c,
      sessions: { ...c.sessions, session: c.sessions.session.map((s) => s + 100 * k) },
    }));
    const byHand = compareTraces(
      {
        trace: ttftTrace(captures.flatMap((c) => c.trace.records.map((r) => r.ttftMs!))),
        sessions: {
          parent: new Int32Array(52).fill(-1),
          turn: Int32Array.from(captures.flatMap((c) => [...c.sessions.turn])),
          session: Int32Array.from(shifted.flatMap((c) => [...c.sessions.session])),
        },
      },
      { modeled: [ttftTrace(captures.flatMap((c) => c.modeled[0]!.records.map((r) => r.ttftMs!)))] },
    );
    // With the same numbers in both captures only 7 sessions would be left: too few for any interval.
    expect(cells.filter((c) => c.interval).length).toBeGreaterThan(0);
    expect(cells.map((c) => c.interval)).toEqual(byHand.cells.map((c) => c.interval));
  });

  it("needs a capture", () => {
    expect(() => scenarioAccuracy([], () => 1)).toThrow("scenarioAccuracy: needs at least one capture");
  });
});

describe("poolCaptures", () => {
  const pooled = poolCaptures([
    {
      trace: ttftTrace([1, 2, 3, 4]),
      sessions: sessionsOf(2, 2),
      modeled: [
        [10, 20, 30, 40],
        [11, 21, 31, 41],
      ].map(ttftTrace),
    },
    {
      trace: ttftTrace([5, 6]),
      sessions: sessionsOf(1, 2),
      modeled: [
        [50, 60],
        [51, 61],
      ].map(ttftTrace),
    },
    { trace: ttftTrace([7]), sessions: sessionsOf(1, 1), modeled: [[70], [71]].map(ttftTrace) },
  ]);
  const ttfts = ({ records }: ReturnType<typeof ttftTrace>) => records.map((r) => r.ttftMs);

  it("joins records in order, captured and seed by seed", () => {
    expect(ttfts(pooled.trace)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(pooled.modeled.map(ttfts)).toEqual([
      [10, 20, 30, 40, 50, 60, 70],
      [11, 21, 31, 41, 51, 61, 71],
    ]);
  });

  it("numbers sessions on, keeps turns, and points parents at their own capture", () => {
    expect([...pooled.sessions.session]).toEqual([0, 0, 1, 1, 2, 2, 3]);
    expect([...pooled.sessions.turn]).toEqual([1, 2, 1, 2, 1, 2, 1]);
    expect([...pooled.sessions.parent]).toEqual([-1, 0, -1, 2, -1, 4, -1]);
  });

  it("numbers on after the largest session, wherever it is, and after a capture without requests", () => {
    const capture = (session: readonly number[]) => ({
      trace: ttftTrace(session.map(() => 1)),
      sessions: {
        parent: new Int32Array(session.length).fill(-1),
        turn: new Int32Array(session.length).fill(1),
        session: Int32Array.from(session),
      },
      modeled: [ttftTrace(session.map(() => 1))],
    });
    const joined = poolCaptures([[], [2, 0, 1], [0]].map(capture));
    expect([...joined.sessions.session]).toEqual([2, 0, 1, 3]);
  });

  it("has the meta of the first capture", () => {
    const named = (model: string) => {
      const trace = { ...ttftTrace([1]), meta: { model, extra: {} } };
      return { trace, sessions: sessionsOf(1, 1), modeled: [trace] };
    };
    const { trace, modeled } = poolCaptures(["first", "second", "third"].map(named));
    expect([trace.meta.model, modeled[0]!.meta.model]).toEqual(["first", "first"]);
  });

  it("is one capture itself", () => {
    const one = { trace: ttftTrace([1]), sessions: sessionsOf(1, 1), modeled: [ttftTrace([2])] };
    expect(poolCaptures([one])).toBe(one);
  });
});

describe("allowanceOf", () => {
  const on = allowanceOf({ cache: "on" });
  const off = allowanceOf({ cache: "off" });
  it.each([
    [0.5, undefined, 0.03],
    [0.5, 0.01, 0.03],
    [0.5, 0.03, 0.03],
    [0.5, 0.2, 0.2],
    [0.9, undefined, 0.03],
    [0.9, 0.05, 0.05],
    [0.99, undefined, 0.1],
    [0.99, 0.05, 0.1],
    [0.99, 0.4, 0.4],
  ])("with the cache on, p = %d and a spread of %s: %d", (quantile, spread, allowed) => {
    expect(on({ quantile }, spread)).toBe(allowed);
  });

  it.each([
    [0.5, undefined],
    [0.9, 1.2],
    [0.99, 0],
  ])("with the cache off, p = %d and a spread of %s: 10 %%", (quantile, spread) => {
    expect(off({ quantile }, spread)).toBe(0.1);
  });

  it("judges too fast as it judges too slow, just inside and just outside", () => {
    const holds = (cache: "on" | "off", modeledMs: number) =>
      median(scenarioAccuracy([judged(1000, modeledMs)], allowanceOf({ cache }))).holds;
    expect([1029.9, 970.1, 1030.1, 969.9].map((ms) => holds("on", ms))).toEqual([true, true, false, false]);
    expect([1099.9, 900.1, 1100.1, 899.9].map((ms) => holds("off", ms))).toEqual([true, true, false, false]);
  });

  it("lets the engine's own spread excuse an error with the cache on, and not with it off", () => {
    // Captures of 100 and 150 ms: a spread of 40 %.
    const captures = [judged(100, 130), judged(150, 180)];
    const { seedSpread, error } = median(scenarioAccuracy(captures, allowanceOf({ cache: "on" })));
    expect(seedSpread).toBeCloseTo(0.4, 12);
    expect(error).toBeCloseTo(0.24, 12);
    expect(median(scenarioAccuracy(captures, allowanceOf({ cache: "on" }))).holds).toBe(true);
    expect(median(scenarioAccuracy(captures, allowanceOf({ cache: "off" }))).holds).toBe(false);
  });
});

describe("seedNoise", () => {
  const capture = (ttftsMs: readonly number[]) => ({
    trace: traceOf(ttftsMs.map((ttftMs) => ({ ttftMs, concurrency: 1, finishReason: "length" }))),
    sessions: sessionsOf(ttftsMs.length / 2, 2),
  });

  it("is (largest - smallest) / mean of each captured number, with the number of every capture in order", () => {
    const noise = seedNoise([
      capture([10, 20, 10, 20]),
      capture([30, 40, 30, 40]),
      capture([20, 30, 20, 30]),
    ]);
    const first = noise.find((c) => c.group === "turn1" && c.quantity === "ttft" && c.quantile === 0.5)!;
    expect(first.valuesMs).toEqual([10, 30, 20]);
    expect(first.spread).toBeCloseTo(1, 12);
    const all = noise.find((c) => c.group === "all" && c.quantity === "total" && c.quantile === 0.5)!;
    expect(all.valuesMs).toEqual([15, 35, 25]);
    expect(all.spread).toBeCloseTo(20 / 25, 12);
  });

  it("tells cohorts, not requests by how many were in flight", () => {
    const noise = seedNoise([capture([10, 20]), capture([30, 40])]);
    expect(new Set(noise.map((c) => c.group))).toEqual(new Set(["all", "turn1", "turns2plus"]));
  });

  it("leaves a number out that some capture lacks", () => {
    const incomplete = capture([30, 40]);
    const cut = { ...incomplete, trace: traceOf([{ ttftMs: 30, finishReason: "error" }, {}]) };
    const noise = seedNoise([capture([10, 20]), cut]);
    expect(noise.some((c) => c.group === "turns2plus")).toBe(false);
    expect(noise.find((c) => c.group === "turn1" && c.quantity === "ttft")!.valuesMs).toEqual([10, 30]);
    expect(noise.some((c) => c.quantity === "total")).toBe(false);
  });

  it("of one capture has its numbers, and no spread", () => {
    const noise = seedNoise([capture([10, 20])]);
    expect(noise.length).toBeGreaterThan(0);
    for (const { valuesMs, spread } of noise) expect([valuesMs.length, spread]).toEqual([1, 0]);
  });

  it("is nothing without captures", () => {
    expect(seedNoise([])).toEqual([]);
  });
});
