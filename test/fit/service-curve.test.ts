import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { fitServiceCurve, type ServicePoint } from "../../lib/fit/service-curve.js";

function points(waitMs: (i: number) => number): ServicePoint[] {
  return Array.from({ length: 240 }, (_, i) => {
    const uncachedTokens = 20 + i * 12;
    const tokenDepth = uncachedTokens ** 2 / 2;
    return {
      uncachedTokens,
      tokenDepth,
      steps: 1,
      ttftMs: 15 + 0.1 * uncachedTokens + 3e-5 * tokenDepth + waitMs(i),
    };
  });
}

describe("fitServiceCurve", () => {
  it("finds a + b u + c u^2 where nothing waits", () => {
    const curve = fitServiceCurve({ points: points(() => 0), stepMs: 6 });
    expect(curve.requestMs).toBeCloseTo(9, 1);
    expect(curve.tokenMs).toBeCloseTo(0.1, 3);
    expect(curve.tokenDepthMs).toBeCloseTo(3e-5, 6);
  });

  it("does not absorb waiting: with half of the requests delayed, the curve stays within 5 %", () => {
    const random = stream(5, "waits");
    const curve = fitServiceCurve({
      points: points(() => (random.uniform() < 0.5 ? random.exponential(400) : 0)),
      stepMs: 6,
    });
    for (const u of [100, 800, 2000, 2800]) {
      const truth = 15 + 0.1 * u + (3e-5 * u * u) / 2;
      const fitted = curve.requestMs + curve.stepMs + curve.tokenMs * u + (curve.tokenDepthMs * u * u) / 2;
      expect(Math.abs(fitted / truth - 1), `u = ${u}`).toBeLessThan(0.05);
    }
  });

  it("never falls, and is never below zero, whatever the points", () => {
    const point = fc.record({
      uncachedTokens: fc.integer({ min: 1, max: 5000 }),
      tokenDepth: fc.double({ min: 1, max: 1e7, noNaN: true }),
      steps: fc.integer({ min: 1, max: 4 }),
      ttftMs: fc.double({ min: 0.5, max: 1e5, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(point, { minLength: 4, maxLength: 60 }), (many) => {
        const curve = fitServiceCurve({ points: many, stepMs: 0.2 });
        for (const value of Object.values(curve)) expect(value).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("refuses fewer than four points", () => {
    expect(() => fitServiceCurve({ points: points(() => 0).slice(0, 3), stepMs: 1 })).toThrow(/at least 4/);
  });
});
