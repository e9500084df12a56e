import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  clusterRobustCurve,
  kaplanMeier,
  pointwiseBand,
  quantileInterval,
  quantileOf,
} from "../../lib/survival/index.js";
import { anyObservations, naiveSurvival } from "./oracle.js";

const transforms = ["plain", "log", "log-log", "arcsine"] as const;

describe("pointwiseBand", () => {
  it.each(transforms)("%s: holds the estimate, stays in [0, 1], widens with the level", (transform) => {
    fc.assert(
      fc.property(anyObservations(), (data) => {
        const curve = kaplanMeier(data);
        const narrow = pointwiseBand(curve, { level: 0.8, transform });
        const wide = pointwiseBand(curve, { level: 0.99, transform });
        curve.survival.forEach((s, k) => {
          expect(narrow.lower[k]).toBeLessThanOrEqual(s + 1e-12);
          expect(narrow.upper[k]).toBeGreaterThanOrEqual(s - 1e-12);
          expect(wide.lower[k]).toBeLessThanOrEqual(narrow.lower[k]! + 1e-12);
          expect(wide.upper[k]).toBeGreaterThanOrEqual(narrow.upper[k]! - 1e-12);
          expect(wide.lower[k]).toBeGreaterThanOrEqual(0);
          expect(wide.upper[k]).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  it("keeps the last upper limit where the curve has reached 0, and 1 before the first event", () => {
    const curve = kaplanMeier({ times: [1, 2, 3, 4], observed: [false, true, true, true] });
    const { lower, upper } = pointwiseBand(curve);
    expect([lower[0], upper[0]]).toEqual([1, 1]);
    expect(curve.survival[3]).toBe(0);
    expect([lower[3], upper[3]]).toEqual([0, upper[2]]);
    expect(upper[2]).toBeGreaterThan(0.3);
  });

  it("rejects a level outside (0, 1) and an unknown transform", () => {
    const curve = kaplanMeier({ times: [1, 2] });
    expect(() => pointwiseBand(curve, { level: 1 })).toThrow("pointwiseBand: level must be a number from");
    expect(() => pointwiseBand(curve, { transform: "logit" as "log" })).toThrow("got logit");
  });
});

describe("quantileOf", () => {
  it("is the smallest time at which the slow oracle has fallen to 1 - p", () => {
    fc.assert(
      fc.property(anyObservations(), fc.integer({ min: 0, max: 20 }), (data, twentieths) => {
        const p = twentieths / 20;
        const expected = [...data.times]
          .sort((a, b) => a - b)
          .find((t) => naiveSurvival(data, t) <= 1 - p + 1e-9);
        expect(quantileOf(kaplanMeier(data), p)).toBe(expected);
      }),
    );
  });

  it("is undefined where the curve never falls that far", () => {
    const curve = kaplanMeier({ times: [1, 2, 3, 4], observed: [true, false, false, false] });
    expect(quantileOf(curve, 0.25)).toBe(1);
    expect(quantileOf(curve, 0.5)).toBeUndefined();
    expect(quantileInterval(curve, 0.5)).toEqual({ estimate: undefined, lower: 1, upper: undefined });
  });

  it("reads p90 of 1..10 as 9: rounding of 1 - 0.9 does not move it", () => {
    const curve = kaplanMeier({ times: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] });
    expect(quantileOf(curve, 0.9)).toBe(9);
    expect(quantileOf(curve, 1)).toBe(10);
    expect(() => quantileOf(curve, 1.5)).toThrow("quantileOf: p must be a number from 0 to 1, got 1.5");
  });
});

describe("quantileInterval", () => {
  it("has no limits of a single time, as in R: nothing says what is below or beyond it", () => {
    const none = { estimate: 7, lower: undefined, upper: undefined };
    expect(quantileInterval(kaplanMeier({ times: [7] }), 0.5)).toEqual(none);
    expect(quantileInterval(clusterRobustCurve({ times: [7] }, ["s"]), 0.5)).toEqual(none);
    expect(quantileInterval(clusterRobustCurve({ times: [7, 8, 9] }, ["s", "s", "s"]), 0.5).upper).toBe(
      undefined,
    );
  });

  it("holds its estimate, for every transform", () => {
    fc.assert(
      fc.property(anyObservations(), fc.constantFrom(...transforms), (data, transform) => {
        const { estimate, lower, upper } = quantileInterval(kaplanMeier(data), 0.5, { transform });
        if (estimate !== undefined) {
          if (lower !== undefined) expect(lower).toBeLessThanOrEqual(estimate);
          if (upper !== undefined) expect(upper).toBeGreaterThanOrEqual(estimate);
        }
      }),
    );
  });
});
