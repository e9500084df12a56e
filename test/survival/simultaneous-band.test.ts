import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { criticalValue, kaplanMeier, pointwiseBand, simultaneousBand } from "../../lib/survival/index.js";
import { bridgeStays, ornsteinUhlenbeckStays } from "../../lib/survival/stay-probability.js";
import { anyObservations } from "./oracle.js";
import { dataSets, staying } from "./references.js";

const kinds = ["hall-wellner", "equal-precision"] as const;

describe("the limit processes", () => {
  it.each(staying.bridge)(
    "a Brownian bridge stays within %d on [%d, %d] as an independent quadrature says",
    (c, from, to, p) => {
      expect(bridgeStays(c!, from!, to!)).toBeCloseTo(p!, 9);
    },
  );

  it.each(staying.ornsteinUhlenbeck)(
    "an Ornstein-Uhlenbeck process stays within %d for %d as finite differences say",
    (c, length, p) => {
      expect(ornsteinUhlenbeckStays(c!, length!)).toBeCloseTo(p!, 9);
    },
  );

  it("gives Kolmogorov's distribution for the whole bridge", () => {
    const kolmogorov = (x: number): number => {
      let sum = 0;
      for (let k = 1; k < 40; k++) sum += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * x * x);
      return 1 - sum;
    };
    for (const c of [0.6, 1, 1.3581, 2]) expect(bridgeStays(c, 0, 1)).toBeCloseTo(kolmogorov(c), 12);
    expect(criticalValue("hall-wellner", 0.95, 1e-12, 1 - 1e-12)).toBeCloseTo(1.3580986393, 9);
  });

  it("tends to the normal quantile as the range shrinks, and grows with range and level", () => {
    expect(criticalValue("equal-precision", 0.95, 0.5, 0.5)).toBeGreaterThan(1.96);
    expect(criticalValue("equal-precision", 0.95, 0.5, 0.5)).toBeLessThan(2.02);
    for (const kind of kinds) {
      expect(criticalValue(kind, 0.95, 0.1, 0.9)).toBeGreaterThan(criticalValue(kind, 0.95, 0.3, 0.9));
      expect(criticalValue(kind, 0.99, 0.1, 0.9)).toBeGreaterThan(criticalValue(kind, 0.95, 0.1, 0.9));
    }
  });
});

describe("simultaneousBand", () => {
  const curve = kaplanMeier(dataSets.lung!.samples[0]!);

  it.each(kinds)("%s holds the pointwise band inside its range and says nothing outside", (kind) => {
    const point = pointwiseBand(curve);
    const from = curve.times[20]!;
    const to = curve.times[90]!;
    const band = simultaneousBand(curve, { kind, from, to })!;
    curve.times.forEach((time, k) => {
      if (time < from || time > to) expect([band.lower[k], band.upper[k]]).toEqual([0, 1]);
    });
    const middle = (band.rows[0] + band.rows[1]) >> 1;
    expect(band.lower[middle]).toBeLessThan(point.lower[middle]!);
    expect(band.upper[middle]).toBeGreaterThan(point.upper[middle]!);
    expect(band.rows[0]).toBeGreaterThanOrEqual(20);
    expect(band.rows[1]).toBeLessThanOrEqual(90);
  });

  it("equal precision is the pointwise band at its critical value", () => {
    const band = simultaneousBand(curve, { kind: "equal-precision", transform: "plain" })!;
    for (let k = band.rows[0]; k <= band.rows[1]; k++) {
      const width = band.critical * Math.sqrt(curve.variance[k]!);
      expect(band.lower[k]).toBeCloseTo(Math.max(0, curve.survival[k]! - width), 12);
    }
  });

  it("Hall-Wellner has the plain formula's width, 2 c / sqrt(n) wide where nothing is censored", () => {
    const complete = kaplanMeier({ times: Array.from({ length: 400 }, (_, i) => i + 1) });
    const band = simultaneousBand(complete, { kind: "hall-wellner", transform: "plain" })!;
    for (const k of [150, 200, 250])
      expect(band.upper[k]! - band.lower[k]!).toBeCloseTo((2 * band.critical) / Math.sqrt(400), 10);
  });

  it("is equal precision on the arcsine scale by default", () => {
    const chosen = simultaneousBand(curve, { kind: "equal-precision", transform: "arcsine" });
    expect(simultaneousBand(curve)).toEqual(chosen);
  });

  it("is undefined where no event comes before the curve reaches 0", () => {
    expect(simultaneousBand(kaplanMeier({ times: [4] }))).toBeUndefined();
    expect(simultaneousBand(kaplanMeier({ times: [4, 5], observed: [false, false] }))).toBeUndefined();
    expect(simultaneousBand(curve, { from: 5000 })).toBeUndefined();
  });

  it("stays in [0, 1] around the estimate for any data", () => {
    fc.assert(
      fc.property(anyObservations(), fc.constantFrom(...kinds), (data, kind) => {
        const km = kaplanMeier(data);
        const band = simultaneousBand(km, { kind });
        if (band === undefined) return;
        km.survival.forEach((s, k) => {
          expect(band.lower[k]).toBeGreaterThanOrEqual(0);
          expect(band.upper[k]).toBeLessThanOrEqual(1);
          expect(band.lower[k]).toBeLessThanOrEqual(s + 1e-12);
          expect(band.upper[k]).toBeGreaterThanOrEqual(s - 1e-12);
        });
      }),
      { numRuns: 40 },
    );
  });

  it("rejects an unknown kind and a range that runs backwards", () => {
    expect(() => simultaneousBand(curve, { kind: "nair" as "hall-wellner" })).toThrow("got nair");
    expect(() => simultaneousBand(curve, { from: 9, to: 3 })).toThrow("simultaneousBand: to must be");
  });
});
