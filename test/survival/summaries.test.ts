import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chiSquareTail, logGamma } from "../../lib/survival/incomplete-gamma.js";
import {
  conditionalCurve,
  hazardBand,
  kaplanMeier,
  ksDistance,
  logAreaDistance,
  logRankTest,
  nelsonAalen,
  qqData,
  restrictedMean,
  stratifiedLogRankTest,
  survivalAt,
  wassersteinDistance,
} from "../../lib/survival/index.js";
import { normalCdf, normalQuantile } from "../../lib/survival/normal.js";
import { sortedOrder } from "../../lib/survival/sorted-order.js";
import { anyObservations } from "./oracle.js";

describe("restrictedMean", () => {
  it("is the mean of min(T, horizon), with its binomial standard error, when nothing is censored", () => {
    const times = [3, 1, 4, 1, 5, 9, 2, 6];
    const { mean, standardError } = restrictedMean(kaplanMeier({ times }), 5)!;
    const cut = times.map((t) => Math.min(t, 5));
    const expected = cut.reduce((a, b) => a + b) / 8;
    expect(mean).toBeCloseTo(expected, 12);
    expect(standardError).toBeCloseTo(Math.sqrt(cut.reduce((s, c) => s + (c - expected) ** 2, 0)) / 8, 12);
  });

  it("is undefined beyond what was observed, unless the curve has reached 0", () => {
    const censored = kaplanMeier({ times: [1, 2, 3], observed: [true, true, false] });
    expect(restrictedMean(censored, 3)?.mean).toBeCloseTo(2, 12);
    expect(restrictedMean(censored, 3.1)).toBeUndefined();
    expect(restrictedMean(kaplanMeier({ times: [1, 2, 3] }), 1e9)?.mean).toBeCloseTo(2, 12);
    expect(restrictedMean(kaplanMeier({ times: [] }), 1)).toBeUndefined();
    expect(() => restrictedMean(censored, -1)).toThrow(
      "restrictedMean: horizon must be a finite number >= 0, got -1",
    );
  });
});

describe("nelsonAalen", () => {
  it("is at most minus the log of Kaplan-Meier, and its band holds it", () => {
    fc.assert(
      fc.property(anyObservations(), (data) => {
        const curve = nelsonAalen(data);
        const { survival } = kaplanMeier(data);
        const log = hazardBand(curve);
        const plain = hazardBand(curve, { transform: "plain" });
        curve.hazard.forEach((h, k) => {
          expect(h).toBeLessThanOrEqual(-Math.log(survival[k]!) + 1e-12);
          for (const band of [log, plain]) {
            expect(band.lower[k]).toBeLessThanOrEqual(h);
            expect(band.upper[k]).toBeGreaterThanOrEqual(h);
          }
        });
      }),
    );
    expect(() => hazardBand(nelsonAalen({ times: [1] }), { transform: "log-log" as "log" })).toThrow(
      "got log-log",
    );
  });
});

describe("conditionalCurve", () => {
  it("is S(t) / S(given) at every later time, and counts who is left", () => {
    fc.assert(
      fc.property(anyObservations(), fc.integer({ min: 0, max: 12 }), (data, given) => {
        const curve = kaplanMeier(data);
        const later = conditionalCurve(curve, given);
        const base = survivalAt(curve, given);
        if (later === undefined) {
          expect(base).toBe(0);
          return;
        }
        expect(later.n).toBe(data.times.filter((t) => t > given).length);
        later.times.forEach((t, k) => {
          expect(later.survival[k]).toBeCloseTo(survivalAt(curve, t) / base, 12);
        });
        const again = kaplanMeier({
          times: data.times.filter((t) => t > given),
          observed: data.observed.filter((_, i) => data.times[i]! > given),
        });
        expect(worstOf(later.variance, again.variance)).toBeLessThan(1e-12);
      }),
    );
  });
});

function worstOf(a: Float64Array, b: Float64Array): number {
  return Math.max(0, ...a.map((value, i) => Math.abs(value - b[i]!)));
}

describe("distances", () => {
  const a = kaplanMeier({ times: [1, 2, 3, 4] });
  const doubled = kaplanMeier({ times: [2, 4, 6, 8] });
  const open = kaplanMeier({ times: [1, 2, 3, 4], observed: [true, true, true, false] });

  it("are 0 between a curve and itself, and symmetric", () => {
    fc.assert(
      fc.property(anyObservations(), anyObservations(), (x, y) => {
        const [p, q] = [kaplanMeier({ times: x.times }), kaplanMeier({ times: y.times })];
        for (const distance of [ksDistance, wassersteinDistance, logAreaDistance]) {
          expect(distance(p, p)).toBe(0);
          expect(distance(p, q)).toBeCloseTo(distance(q, p), 10);
        }
      }),
    );
  });

  it("read as they should by hand", () => {
    expect(ksDistance(a, doubled)).toBe(0.5);
    expect(wassersteinDistance(a, doubled)).toBeCloseTo(2.5, 12);
    // ln(1 / 0.75) from 1 to 2, ln(1.5) from 2 to 3, ln 3 from 3 to 4, where the first curve reaches 0.
    const expected =
      Math.log(4 / 3) * Math.log(2) + Math.log(1.5) * Math.log(1.5) + Math.log(3) * Math.log(4 / 3);
    expect(logAreaDistance(a, doubled)).toBeCloseTo(expected, 12);
  });

  it("need upTo where a curve ends above 0, and say so", () => {
    expect(() => ksDistance(a, open)).toThrow(
      "ksDistance: the second curve ends above 0 at its last time 4, so nothing is known beyond it; give upTo within it",
    );
    expect(() => wassersteinDistance(open, doubled, { upTo: 5 })).toThrow("the first curve ends above 0");
    expect(wassersteinDistance(open, doubled, { upTo: 4 })).toBeCloseTo(0.25 + 0.25 + 0.5, 12);
    expect(ksDistance(open, doubled, { upTo: 1.5 })).toBe(0.25);
    expect(() => logAreaDistance(a, open, { upTo: Number.NaN })).toThrow("upTo must be a finite number");
  });

  it("qqData pairs the quantiles that both curves reach", () => {
    expect(qqData(a, doubled, [0.25, 0.5, 1])).toEqual([
      { p: 0.25, a: 1, b: 2 },
      { p: 0.5, a: 2, b: 4 },
      { p: 1, a: 4, b: 8 },
    ]);
    expect(qqData(open, doubled, [0.5, 0.9]).map(({ p }) => p)).toEqual([0.5]);
    expect(qqData(a, doubled)).toHaveLength(99);
  });
});

describe("logRankTest", () => {
  it("keeps observed and expected in balance, and does not mind the order of samples", () => {
    fc.assert(
      fc.property(anyObservations(), anyObservations(), anyObservations(), (x, y, z) => {
        const test = logRankTest([x, y, z]);
        const back = logRankTest([z, x, y]);
        const sum = (values: readonly number[]) => values.reduce((s, v) => s + v, 0);
        expect(sum(test.observed)).toBeCloseTo(sum(test.expected), 9);
        for (const row of test.covariance) expect(sum(row)).toBeCloseTo(0, 9);
        expect(back.degreesOfFreedom).toBe(test.degreesOfFreedom);
        if (test.chiSquare === undefined) expect(back.chiSquare).toBeUndefined();
        else expect(back.chiSquare).toBeCloseTo(test.chiSquare, 6);
      }),
    );
  });

  it("sums strata: equal strata double the statistic", () => {
    const a = { times: [1, 2, 3, 4, 8] };
    const b = { times: [2, 5, 6, 7, 9], observed: [true, true, false, true, true] };
    const once = logRankTest([a, b]);
    expect(
      stratifiedLogRankTest([
        [a, b],
        [a, b],
      ]).chiSquare,
    ).toBeCloseTo(2 * once.chiSquare!, 12);
  });

  it("has no answer, and says undefined, where no event could tell", () => {
    const none = { times: [1, 2], observed: [false, false] };
    const test = logRankTest([none, none]);
    expect([test.chiSquare, test.pValue, test.degreesOfFreedom]).toEqual([undefined, undefined, 0]);
  });

  it("rejects one sample, uneven strata, bad weightings and bad rows by name", () => {
    const a = { times: [1, 2] };
    expect(() => logRankTest([a])).toThrow("logRankTest: needs at least 2 samples, got 1");
    expect(() => stratifiedLogRankTest([[a, a], [a]])).toThrow("stratum 1 has 1");
    expect(() => logRankTest([a, { times: [1, -1] }])).toThrow("sample 1: times[1] must be");
    expect(() => logRankTest([a, a], { weighting: { rho: -1, gamma: 0 } })).toThrow(
      "rho must be a finite number >= 0",
    );
    expect(() => logRankTest([a, a], { weighting: "gehan" as "log-rank" })).toThrow("got gehan");
  });
});

describe("the special functions", () => {
  it("have the values of tables (Abramowitz and Stegun; R pnorm, qnorm, pchisq)", () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 13);
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 12);
    expect(normalCdf(-10) / 7.619853024160527e-24).toBeCloseTo(1, 12);
    expect(normalCdf(1)).toBeCloseTo(0.8413447460685429, 14);
    expect(chiSquareTail(3.841458820694124, 1)).toBeCloseTo(0.05, 14);
    expect(chiSquareTail(18.307038053275146, 10)).toBeCloseTo(0.05, 13);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 13);
  });

  it("normalQuantile undoes normalCdf", () => {
    fc.assert(
      fc.property(fc.double({ min: -8, max: 5, noNaN: true }), (x) => {
        expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 8);
      }),
    );
  });
});

describe("sortedOrder", () => {
  it("is a stable ascending order, short and long", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), { maxLength: 600 }),
        (few) => {
          for (const values of [few, [...few, ...few, ...few.map((v) => v / 3)]]) {
            const order = sortedOrder(values);
            const expected = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]! || i - j);
            expect([...order]).toEqual(expected);
          }
        },
      ),
    );
  });
});
