import { describe, expect, it } from "vitest";
import { slowBandMass, slowBandOf, slowBandThresholdMs } from "../../lib/judge/index.js";
import { sessionsOf, traceOf } from "./judged-traces.js";

const gaps = (...values: number[]) => ({ itlMs: Float64Array.from(values) });

describe("slowBandMass", () => {
  const trace = traceOf([gaps(5, 20, 21), gaps(30), {}, gaps(20)]);
  const sessions = sessionsOf(2, 2);

  it("is the share of gaps longer than the threshold, which is not long itself", () => {
    expect(slowBandMass({ trace, sessions }, "all", 20)).toBe(2 / 5);
    expect(slowBandMass({ trace, sessions }, "all", 19.9)).toBe(4 / 5);
    expect(slowBandMass({ trace, sessions }, "all", 30)).toBe(0);
  });

  it("is of one cohort, and undefined where it has no gaps", () => {
    expect(slowBandMass({ trace, sessions }, "turn1", 20)).toBe(1 / 3);
    expect(slowBandMass({ trace, sessions }, "turns2plus", 20)).toBe(1 / 2);
    expect(slowBandMass({ trace: traceOf([{}, {}]), sessions: sessionsOf(1, 2) }, "all", 20)).toBeUndefined();
  });
});

describe("slowBandThresholdMs", () => {
  it("is three times the median gap of requests that had the engine to themselves", () => {
    const alone = traceOf([
      { ...gaps(4, 6), concurrency: 1 },
      { ...gaps(100, 200), concurrency: 2 },
      gaps(300),
    ]);
    expect(slowBandThresholdMs([alone, traceOf([{ ...gaps(5), concurrency: 1 }])])).toBe(15);
    expect(slowBandThresholdMs([traceOf([{ ...gaps(7), concurrency: 3 }])])).toBe(0);
  });
});

describe("slowBandOf", () => {
  const capture = (captured: number[], ...modeled: number[][]) => ({
    trace: traceOf([gaps(...captured)]),
    sessions: sessionsOf(1, 1),
    modeled: modeled.map((values) => traceOf([gaps(...values)])),
    busyFraction: 1,
  });

  it("is a mean over the captures, and over all their replays", () => {
    const judged = [capture([1, 9], [1, 1], [9, 9]), capture([9, 9, 9, 1], [1, 9, 9, 9], [1, 9, 9, 9])];
    expect(slowBandOf(judged, 5)).toEqual({ captured: (0.5 + 0.75) / 2, modeled: (0 + 1 + 0.75 + 0.75) / 4 });
  });

  it("has no part without gaps", () => {
    const silent = { ...capture([1, 9]), modeled: [traceOf([{}])] };
    expect(slowBandOf([silent], 5)).toEqual({ captured: 0.5 });
  });
});
