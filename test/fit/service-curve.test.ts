import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { fitServiceCurve, type ServiceCurve, type ServicePoint } from "../../lib/fit/service-curve.js";

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

interface Case {
  readonly name: string;
  /** Uncached tokens, token depth, steps, TTFT. */
  readonly points: [number, number, number, number][];
  readonly stepMs: number;
  readonly options: { readonly windowPoints?: number; readonly lowShare?: number };
  /** Of fewer than three windows the floor alone: many curves go through them. */
  readonly curve: Partial<ServiceCurve>;
  /** What the curve says of the first windows' means, a step apart. */
  readonly windows: { readonly uncachedTokens: number; readonly tokenDepth: number; readonly ms: number }[];
}

const { service: cases } = JSON.parse(
  readFileSync(new URL("../reference/fit/fits.json", import.meta.url), "utf8"),
) as { service: Case[] };

describe("fitServiceCurve", () => {
  it.each(cases)(
    "agrees with the same definition on scipy's nnls: $name",
    ({ points, stepMs, options, curve, windows }) => {
      const fitted = fitServiceCurve({
        points: points.map(([uncachedTokens, tokenDepth, steps, ttftMs]) => ({
          uncachedTokens,
          tokenDepth,
          steps,
          ttftMs,
        })),
        stepMs,
        ...options,
      });
      expect(fitted.stepMs).toBe(stepMs);
      for (const [name, value] of Object.entries(curve)) {
        const found = fitted[name as keyof ServiceCurve];
        expect(Math.abs(found - value), name).toBeLessThan(1e-6 * (1e-3 + value));
      }
      for (const { uncachedTokens, tokenDepth, ms } of windows)
        expect(
          fitted.requestMs + fitted.tokenMs * uncachedTokens + fitted.tokenDepthMs * tokenDepth,
        ).toBeCloseTo(ms, 5);
    },
  );

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

  it("looks at windows of four points at least, so that one fast request in four is enough", () => {
    const waiting = points((i) => (i % 4 === 3 ? 0 : 900)).slice(0, 28);
    const curve = fitServiceCurve({ points: waiting, stepMs: 6 });
    for (const { uncachedTokens, tokenDepth, ttftMs } of waiting.filter((_, i) => i % 4 === 3)) {
      const { requestMs, tokenMs, tokenDepthMs } = curve;
      expect(requestMs + 6 + tokenMs * uncachedTokens + tokenDepthMs * tokenDepth).toBeCloseTo(ttftMs, 3);
    }
  });

  it("weighs windows by their relative errors, each once, and none for less than a microsecond", () => {
    /** Of six prefills of one size, whose windows of four have these least TTFTs. */
    const levelOf = (least: readonly [number, number, number], stepMs: number) => {
      const alike = { uncachedTokens: 100, tokenDepth: 5000, steps: 1 };
      const all = [...least, 40, 40, 40].map((ttftMs) => ({ ...alike, ttftMs }));
      const { requestMs, tokenMs, tokenDepthMs } = fitServiceCurve({ points: all, stepMs });
      return requestMs + 100 * tokenMs + 5000 * tokenDepthMs;
    };
    const squares = 1 / 10 ** 2 + 1 / 11 ** 2 + 1 / 12 ** 2;
    expect(levelOf([11, 12, 13], 1)).toBeCloseTo((1 / 10 + 1 / 11 + 1 / 12) / squares, 9);
    expect(levelOf([6, 6, 6], 6)).toBe(0);
    // Two of nothing and one of 2 us: 1, 1 and a quarter of the weight.
    expect(levelOf([6, 6, 6.002], 6)).toBeCloseTo((0.25 * 0.002) / 2.25, 9);
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
