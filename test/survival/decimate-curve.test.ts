import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { decimateCurve, kaplanMeier, pointwiseBand, survivalAt } from "../../lib/survival/index.js";

const draw = stream(7, "decimate");
const n = 50_000;
const curve = kaplanMeier({
  times: Float64Array.from({ length: n }, () => Math.exp(draw.normal())),
  observed: Uint8Array.from({ length: n }, () => (draw.uniform() < 0.8 ? 1 : 0)),
});

describe("decimateCurve", () => {
  it("keeps few rows, among them the first and the last", () => {
    const thin = decimateCurve(curve, { resolution: 500 });
    expect(thin.rows.length).toBeLessThanOrEqual(1002);
    expect(thin.rows[0]).toBe(0);
    expect(thin.rows[thin.rows.length - 1]).toBe(curve.times.length - 1);
    thin.rows.forEach((row, i) => {
      expect(thin.times[i]).toBe(curve.times[row]);
      expect(thin.survival[i]).toBe(curve.survival[row]);
    });
  });

  it.each(["log", "linear"] as const)(
    "draws the same %s-%s line: no row is farther off than a step",
    (scale) => {
      const resolution = 500;
      const thin = decimateCurve(curve, { resolution, timeScale: scale, survivalScale: scale });
      const place = (v: number): number => (scale === "log" ? Math.log(Math.max(v, 1e-300)) : v);
      const x0 = place(curve.times[0]!);
      const xStep = (place(curve.times[curve.times.length - 1]!) - x0) / resolution;
      const positive = curve.survival.findLast((s) => s > 0)!;
      const yStep = (scale === "log" ? -Math.log(positive / 2) : 1) / resolution;
      const thinAt = (t: number): number => {
        const after = thin.times.findIndex((u) => u > t);
        const row = after < 0 ? thin.times.length - 1 : after - 1;
        return row < 0 ? 1 : thin.survival[row]!;
      };
      for (let k = 0; k < curve.times.length; k += 37) {
        const t = curve.times[k]!;
        const nearby = [-1.001, 0, 1.001].map((d) =>
          scale === "log" ? t * Math.exp(d * xStep) : t + d * xStep,
        );
        const low = Math.min(...nearby.map((u) => place(thinAt(u)))) - yStep;
        const high = Math.max(...nearby.map((u) => place(thinAt(u)))) + yStep;
        expect(place(survivalAt(curve, t))).toBeGreaterThanOrEqual(low - 1e-12);
        expect(place(survivalAt(curve, t))).toBeLessThanOrEqual(high + 1e-12);
      }
    },
  );

  it("carries a band along", () => {
    const band = pointwiseBand(curve);
    const thin = decimateCurve(curve, { band, resolution: 200 });
    thin.rows.forEach((row, i) => {
      expect(thin.lower?.[i]).toBe(band.lower[row]);
      expect(thin.upper?.[i]).toBe(band.upper[row]);
    });
    expect(thin.rows.length).toBeLessThan(1500);
  });

  it("copes with no rows, one row and a curve that never falls", () => {
    expect(decimateCurve(kaplanMeier({ times: [] })).rows.length).toBe(0);
    expect([...decimateCurve(kaplanMeier({ times: [3] })).survival]).toEqual([0]);
    const flat = decimateCurve(kaplanMeier({ times: [1, 2, 3], observed: [false, false, false] }));
    expect([...flat.rows]).toEqual([0, 2]);
  });

  it("rejects a resolution that is no positive integer", () => {
    expect(() => decimateCurve(curve, { resolution: 0 })).toThrow(
      "decimateCurve: resolution must be a positive integer, got 0",
    );
  });
});
