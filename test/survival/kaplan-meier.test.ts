import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kaplanMeier, survivalAt } from "../../lib/survival/index.js";
import { anyObservations, naiveSurvival, naiveVariance, truncatedAndWeighted } from "./oracle.js";

describe("kaplanMeier", () => {
  it("gives the worked example: a censored subject is at risk until it leaves", () => {
    const curve = kaplanMeier({ times: [9, 13, 13, 18], observed: [true, true, false, true] });
    expect([...curve.times]).toEqual([9, 13, 18]);
    expect([...curve.survival]).toEqual([0.75, 0.5, 0]);
    expect([...curve.atRisk]).toEqual([4, 3, 1]);
    expect([...curve.events]).toEqual([1, 1, 1]);
    expect([...curve.censored]).toEqual([0, 1, 0]);
    expect(curve.n).toBe(4);
  });

  it("is the share of larger times when nothing is censored, to the last bit", () => {
    const times = Array.from({ length: 997 }, (_, i) => ((i * 619) % 997) / 7);
    const curve = kaplanMeier({ times });
    curve.times.forEach((_, k) => {
      expect(curve.survival[k]).toBe((997 - (k + 1)) / 997);
    });
  });

  it("agrees with a slow oracle on survival and Greenwood variance, with ties and zero times", () => {
    fc.assert(
      fc.property(anyObservations(), (data) => {
        const curve = kaplanMeier(data);
        curve.times.forEach((t, k) => {
          expect(curve.survival[k]).toBeCloseTo(naiveSurvival(data, t), 12);
          expect(curve.variance[k]).toBeCloseTo(naiveVariance(data, t), 12);
        });
      }),
    );
  });

  it("agrees with the oracle under left truncation and weights", () => {
    fc.assert(
      fc.property(truncatedAndWeighted, (data) => {
        const curve = kaplanMeier(data);
        curve.times.forEach((t, k) => {
          expect(curve.survival[k]).toBeCloseTo(naiveSurvival(data, t), 12);
          expect(curve.variance[k]).toBeCloseTo(naiveVariance(data, t), 12);
        });
      }),
    );
  });

  it("falls from 1, never rises, and conserves subjects", () => {
    fc.assert(
      fc.property(anyObservations(), (data) => {
        const { survival, atRisk, events, censored, n } = kaplanMeier(data);
        let before = 1;
        let left = n;
        survival.forEach((s, k) => {
          expect(s).toBeLessThanOrEqual(before);
          expect(s).toBeGreaterThanOrEqual(0);
          expect(atRisk[k]).toBe(left);
          left -= events[k]! + censored[k]!;
          before = s;
        });
        expect(left).toBe(0);
      }),
    );
  });

  it("does not depend on the order of rows, and scales with the unit of time", () => {
    fc.assert(
      fc.property(anyObservations(), (data) => {
        const curve = kaplanMeier(data);
        const reversed = { times: [...data.times].reverse(), observed: [...data.observed].reverse() };
        expect(kaplanMeier(reversed)).toEqual(curve);
        const doubled = kaplanMeier({ ...data, times: data.times.map((t) => 2 * t) });
        expect(doubled.survival).toEqual(curve.survival);
        expect(doubled.times).toEqual(curve.times.map((t) => 2 * t));
      }),
    );
  });

  it("counts an integer weight as that many equal rows", () => {
    fc.assert(
      fc.property(truncatedAndWeighted, ({ times, observed, weights }) => {
        const repeat = <T>(column: ArrayLike<T>): T[] =>
          Array.from(column).flatMap((value, i) => new Array<T>(weights![i]!).fill(value));
        const rows = { times: repeat(times), observed: repeat(observed as boolean[]) };
        expect(kaplanMeier({ times, observed: observed!, weights: weights! })).toEqual(kaplanMeier(rows));
      }),
    );
  });

  it("takes a Uint8Array of flags and a Float64Array of times", () => {
    const curve = kaplanMeier({ times: Float64Array.of(1, 2, 3), observed: Uint8Array.of(1, 0, 1) });
    expect([...curve.survival]).toEqual([2 / 3, 2 / 3, 0]);
  });

  it("gives a curve without rows for no observations, and one that stays at 1 when all are censored", () => {
    expect(kaplanMeier({ times: [] }).times.length).toBe(0);
    const curve = kaplanMeier({ times: [1, 2], observed: [false, false] });
    expect([...curve.survival]).toEqual([1, 1]);
    expect(survivalAt(curve, 99)).toBe(1);
  });

  it.each([
    [{ times: [1, Number.NaN] }, "kaplanMeier: times[1] must be a finite number >= 0, got NaN"],
    [{ times: [-2] }, "kaplanMeier: times[0] must be a finite number >= 0, got -2"],
    [{ times: [1, 2, Number.POSITIVE_INFINITY] }, "times[2] must be a finite number >= 0, got Infinity"],
    [{ times: ["3" as unknown as number] }, 'times[0] must be a finite number >= 0, got "3"'],
    [{ times: [1, 2], observed: [true] }, "observed must be as long as times, got 1 for 2 times"],
    [
      { times: [1, 2], observed: [true, 1] as unknown as boolean[] },
      "observed[1] must be true or false, got 1",
    ],
    [{ times: [1], observed: [undefined] as unknown as boolean[] }, "observed[0] must be true or false"],
    [{ times: [1, 2], observed: Uint8Array.of(1, 2) }, "observed[1] must be 0 or 1, got 2"],
    [{ times: [1, 2], entry: [0, 2] }, "entry[1] must be below times[1] = 2, got 2"],
    [{ times: [1, 2], entry: [0, -1] }, "entry[1] must be a finite number >= 0, got -1"],
    [{ times: [1, 2], entry: [0] }, "entry must be as long as times"],
    [{ times: [1, 2], weights: [1, Number.NaN] }, "weights[1] must be a finite number >= 0, got NaN"],
    [{ times: [1, 2], weights: [1, 2, 3] }, "weights must be as long as times"],
  ])("rejects %j by name and index", (data, message) => {
    expect(() => kaplanMeier(data)).toThrow(message);
    expect(() => kaplanMeier(data)).toThrow(expect.objectContaining({ name: "InputError" }));
  });
});

describe("survivalAt", () => {
  it("is right-continuous, 1 before the first time, and keeps the last value", () => {
    const curve = kaplanMeier({ times: [2, 4] });
    expect([1.999, 2, 3.999, 4, 5].map((t) => survivalAt(curve, t))).toEqual([1, 0.5, 0.5, 0, 0]);
    expect(() => survivalAt(curve, Number.NaN)).toThrow("survivalAt: t must be a finite number, got NaN");
  });
});
