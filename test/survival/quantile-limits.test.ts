import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import {
  clusterRobustCurve,
  kaplanMeier,
  quantileDifference,
  quantileInterval,
  quantileRatio,
  restrictedMean,
  restrictedMeanDifference,
} from "../../lib/survival/index.js";

type Limits = readonly [estimate: number, lower: number | null, upper: number | null];
interface Turns {
  readonly times: number[];
  readonly observed?: boolean[];
  readonly clusters: number[];
}

/** What R's survey, survival and binomial distribution say: see quantiles.R. */
const fromR = JSON.parse(
  readFileSync(new URL("../reference/survival/r-quantiles.json", import.meta.url), "utf8"),
) as {
  shares: number[];
  samples: (Turns & { limits: Limits[] })[];
  alone: { times: number[]; limits: Limits[] }[];
  pairs: {
    a: Turns;
    b: Turns;
    pairedRatio: Limits[];
    ratio: Limits[];
    pairedDifference: Limits[];
    pairedMean: Limits;
    mean: Limits;
  }[];
  means: (Turns & { horizon: number; error: number })[];
  one: Limits;
};

interface Found {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

function expectLimits({ estimate, lower, upper }: Found, [e, l, u]: Limits, digits: number): void {
  expect(estimate).toBeCloseTo(e, digits);
  for (const [found, wanted] of [
    [lower, l],
    [upper, u],
  ] as const) {
    if (wanted === null) expect(found).toBeUndefined();
    else expect(found! / wanted).toBeCloseTo(1, digits);
  }
}

const rows = (times: readonly number[]): number[] => times.map((_, row) => row);

describe("quantileInterval of a clustered curve", () => {
  it.each(fromR.samples.map((sample, i) => [i, sample] as const))(
    "has the limits that R finds by trying every time, sample %i",
    (_, sample) => {
      const curve = clusterRobustCurve(sample, sample.clusters);
      fromR.shares.forEach((p, k) => {
        expectLimits(quantileInterval(curve, p), sample.limits[k]!, 12);
      });
    },
  );

  it("is the exact interval between order statistics where every row is its own cluster", () => {
    for (const { times, limits } of fromR.alone) {
      const curve = clusterRobustCurve({ times }, rows(times));
      fromR.shares.forEach((p, k) => {
        expectLimits(quantileInterval(curve, p), limits[k]!, 12);
      });
    }
  });

  it("has no upper limit until the rows are enough: 36 for a p90, 368 for a p99", () => {
    const upperOf = (n: number, p: number) => {
      const times = Array.from({ length: n }, (_, i) => i + 1);
      return quantileInterval(clusterRobustCurve({ times }, times), p).upper;
    };
    expect([upperOf(35, 0.9), upperOf(36, 0.9)]).toEqual([undefined, 36]);
    expect([upperOf(367, 0.99), upperOf(368, 0.99)]).toEqual([undefined, 368]);
  });

  it("counts each session once where its turns are equal", () => {
    const draw = stream(4, "levels");
    const levels = Array.from({ length: 60 }, () => draw.exponential(1));
    const times = levels.flatMap((level) => [level, level, level]);
    const clusters = levels.flatMap((_, s) => [s, s, s]);
    const together = quantileInterval(clusterRobustCurve({ times }, clusters), 0.5);
    const alone = quantileInterval(clusterRobustCurve({ times: levels }, rows(levels)), 0.5);
    // Student's t with 179 and with 59 degrees of freedom: a little wider, and never narrower.
    expect(together.lower).toBeLessThanOrEqual(alone.lower!);
    expect(together.upper).toBeGreaterThanOrEqual(alone.upper!);
    const sorted = [...levels].sort((a, b) => a - b);
    const steps = (from: number, to: number) => sorted.filter((v) => v > from && v <= to).length;
    expect(steps(together.lower!, alone.lower!)).toBeLessThanOrEqual(1);
    expect(steps(alone.upper!, together.upper!)).toBeLessThanOrEqual(1);
  });

  it("holds its estimate, widens with the level, and does not depend on the order of rows or on the unit", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 1, max: 100, noNaN: true }), fc.boolean(), fc.nat(12)), {
          minLength: 2,
          maxLength: 80,
        }),
        fc.constantFrom(0.1, 0.5, 0.9, 0.99),
        (data, p) => {
          const limits = (of: typeof data, level: number, unit = 1) =>
            quantileInterval(
              clusterRobustCurve(
                { times: of.map(([time]) => time * unit), observed: of.map(([, seen]) => seen) },
                of.map(([, , cluster]) => cluster),
              ),
              p,
              { level },
            );
          const narrow = limits(data, 0.8);
          const wide = limits(data, 0.99);
          const { estimate = Number.POSITIVE_INFINITY, lower, upper } = narrow;
          if (lower !== undefined) expect(lower).toBeLessThanOrEqual(estimate);
          if (upper !== undefined) expect(upper).toBeGreaterThanOrEqual(estimate);
          // A lower limit that is not reached at 80 % may be at 99 %, an upper one never.
          if (wide.lower !== undefined)
            expect(wide.lower).toBeLessThanOrEqual(lower ?? Number.POSITIVE_INFINITY);
          if (wide.upper !== undefined) expect(wide.upper).toBeGreaterThanOrEqual(upper!);
          expect(limits([...data].reverse(), 0.8)).toEqual(narrow);
          const doubled = limits(data, 0.8, 2);
          expect([doubled.lower, doubled.upper]).toEqual([
            lower === undefined ? undefined : 2 * lower,
            upper === undefined ? undefined : 2 * upper,
          ]);
        },
      ),
    );
  });

  it("refuses a transform, which a binomial test does not have", () => {
    const curve = clusterRobustCurve({ times: [1, 2, 3] }, [1, 2, 3]);
    expect(() => quantileInterval(curve, 0.5, { transform: "log" })).toThrow("have no transform, got log");
    expect(() => quantileInterval(curve, 0.5, { level: 1 })).toThrow("quantileInterval: level must be");
  });

  it("has none for a single time, as R", () => {
    expectLimits(quantileInterval(kaplanMeier({ times: [7] }), 0.5), fromR.one, 12);
    expect(fromR.one).toEqual([7, null, null]);
  });
});

describe("quantileRatio and quantileDifference", () => {
  it.each(fromR.pairs.map((pair, i) => [i, pair] as const))(
    "have the limits that R finds with sums over sessions, pair %i",
    (_, { a, b, pairedRatio, ratio, pairedDifference }) => {
      fromR.shares.forEach((p, k) => {
        expectLimits(quantileRatio(a, b, p, { paired: true }), pairedRatio[k]!, 6);
        expectLimits(quantileRatio(a, b, p), ratio[k]!, 6);
        expectLimits(quantileDifference(a, b, p, { paired: true }), pairedDifference[k]!, 6);
      });
    },
  );

  it("takes both samples at a gap between modes for what each leaves open", () => {
    const { a, b, pairedRatio } = fromR.pairs[3]!;
    const { lower, upper } = quantileRatio(a, b, 0.9, { paired: true });
    // One sample may be in the slow mode, 400 times as slow, and the other not.
    expect(upper! / lower!).toBeGreaterThan(400);
    expect(pairedRatio[1]![2]! / pairedRatio[1]![1]!).toBeGreaterThan(400);
  });

  const { a, b } = fromR.pairs[2]!;

  it("turn around with the order of the samples", () => {
    const there = quantileRatio(a, b, 0.9, { paired: true });
    const back = quantileRatio(b, a, 0.9, { paired: true });
    expect(back.estimate).toBeCloseTo(1 / there.estimate!, 12);
    expect(back.lower).toBeCloseTo(1 / there.upper!, 9);
    expect(back.upper).toBeCloseTo(1 / there.lower!, 9);
  });

  it("are narrow for a sample and its multiple where they are paired", () => {
    const twice = { ...a, times: a.times.map((time) => 2 * time) };
    const { estimate, lower, upper } = quantileRatio(twice, a, 0.5, { paired: true });
    expect(estimate).toBe(2);
    const apart = quantileRatio(twice, a, 0.5);
    expect(upper! / lower!).toBeLessThan(1.05);
    expect(apart.upper! / apart.lower!).toBeGreaterThan(1.15);
  });

  it("widen with the level", () => {
    const width = (level: number) => {
      const { lower, upper } = quantileRatio(a, b, 0.5, { level, paired: true });
      return upper! / lower!;
    };
    expect(width(0.9)).toBeLessThan(width(0.95));
    expect(width(0.95)).toBeLessThan(width(0.99));
  });

  it("have no limits with fewer than ten clusters in a sample, whatever the rows", () => {
    const few = (count: number) => ({ times: a.times, clusters: a.clusters.map((c) => c % count) });
    expect(quantileRatio(few(9), b, 0.5)).toMatchObject({ lower: undefined, upper: undefined });
    expect(quantileRatio(few(9), b, 0.5).estimate).toBeGreaterThan(0);
    expect(quantileRatio(few(10), b, 0.5).lower).toBeGreaterThan(0);
  });

  it("do not exist where a quantile is 0 or is not reached", () => {
    const none = { estimate: undefined, lower: undefined, upper: undefined };
    const zeros = { times: a.times.map(() => 0), clusters: a.clusters };
    expect(quantileRatio(zeros, b, 0.5)).toEqual(none);
    expect(quantileRatio(b, zeros, 0.5)).toEqual(none);
    const unseen = { ...a, observed: a.times.map(() => false) };
    expect(quantileRatio(unseen, b, 0.5)).toEqual(none);
    expect(quantileDifference(unseen, b, 0.5)).toEqual(none);
  });

  it("refuse a bad level and a bad time by name", () => {
    expect(() => quantileRatio(a, b, 0.5, { level: 0 })).toThrow("quantileRatio: level must be");
    expect(() => quantileDifference({ times: [-1], clusters: [1] }, b, 0.5)).toThrow(
      "quantileDifference: first sample: times[0] must be",
    );
  });
});

describe("restrictedMeanDifference", () => {
  it("has the limits of R's jackknife residuals and Student's t, paired and apart", () => {
    for (const { a, b, pairedMean, mean } of fromR.pairs) {
      expectLimits(restrictedMeanDifference(a, b, 1.5, { paired: true }), pairedMean, 9);
      expectLimits(restrictedMeanDifference(a, b, 1.5), mean, 9);
    }
  });

  it("has no limits with a single cluster in a sample", () => {
    const one = { times: [1, 2, 3], clusters: ["s", "s", "s"] };
    const { estimate, lower, upper } = restrictedMeanDifference(one, fromR.pairs[0]!.a, 1);
    expect(estimate).toBeDefined();
    expect([lower, upper]).toEqual([undefined, undefined]);
  });
});

describe("restrictedMean of a clustered curve", () => {
  it("has the error of R's jackknife residuals, summed over sessions", () => {
    for (const sample of fromR.means) {
      const curve = clusterRobustCurve(sample, sample.clusters);
      expect(restrictedMean(curve, sample.horizon)!.standardError).toBeCloseTo(sample.error, 12);
      expect(restrictedMean(kaplanMeier(sample), sample.horizon)!.mean).toBe(
        restrictedMean(curve, sample.horizon)!.mean,
      );
    }
  });
});
