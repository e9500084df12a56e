import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { robustNonNegativeFit } from "../../lib/fit/robust-fit.js";

/** y = 5 + 0.3 a + 0.02 b, with relative noise and every n-th row tripled. */
function rowsWith(seed: number, noise: number, everyNth: number) {
  const random = stream(seed, "rows");
  const rows = Array.from({ length: 400 }, () => [1, random.integer(100), random.integer(3000)]);
  const targets = rows.map(([one, a, b], i) => {
    const clean = 5 * one! + 0.3 * a! + 0.02 * b!;
    return clean * (1 + noise * random.normal()) * (everyNth > 0 && i % everyNth === 0 ? 3 : 1);
  });
  return { rows, targets, weights: rows.map(() => 1), groups: rows.map((_, i) => i % 2) };
}

interface Case {
  readonly name: string;
  readonly rows: number[][];
  readonly targets: number[];
  readonly weights: number[];
  readonly groups: number[];
  readonly ridge: number;
  readonly coefficients: number[];
  readonly ratios: number[];
  readonly kept: boolean[];
}

const { robust: cases } = JSON.parse(
  readFileSync(new URL("../reference/fit/fits.json", import.meta.url), "utf8"),
) as { robust: Case[] };

describe("robustNonNegativeFit", () => {
  it.each(cases)("agrees with the same definition on scipy's nnls: $name", (expected) => {
    const { coefficients, ratios, kept } = robustNonNegativeFit(expected);
    expected.coefficients.forEach((value, p) => {
      expect(Math.abs(coefficients[p] - value), `coefficient ${p}`).toBeLessThan(1e-6 * (1e-3 + value));
    });
    expected.ratios.forEach((ratio, i) => {
      expect(ratios[i]).toBeCloseTo(ratio, 5);
    });
    expect(kept).toEqual(expected.kept);
  });

  it("trims nothing of data that are exact but for rounding", () => {
    const { rows, targets, weights, groups } = rowsWith(6, 0, 0);
    const rounded = targets.map((ms) => Math.round(ms * 1e3) / 1e3);
    const { kept } = robustNonNegativeFit({ rows, targets: rounded, weights, groups });
    expect(kept.every(Boolean)).toBe(true);
  });

  it("takes no prediction for less than a microsecond, and no target either", () => {
    const rows = [[0], [0], [1], [1]];
    const all = { rows, weights: [1, 1, 1, 1], groups: [0, 0, 1, 1] };
    const { coefficients, ratios } = robustNonNegativeFit({ ...all, targets: [0, 0.002, 4, 4] });
    expect(coefficients[0]).toBeCloseTo(4, 9);
    expect(Array.from(ratios, (ratio) => Number(ratio.toFixed(9)))).toEqual([0, 2, 1, 1]);
  });

  it("is exact on exact data", () => {
    const { coefficients, kept } = robustNonNegativeFit(rowsWith(1, 0, 0));
    expect(coefficients[0]).toBeCloseTo(5, 8);
    expect(coefficients[1]).toBeCloseTo(0.3, 8);
    expect(coefficients[2]).toBeCloseTo(0.02, 8);
    expect(kept.every(Boolean)).toBe(true);
  });

  it("trims the strays and no others, and is not moved by them", () => {
    const { coefficients, kept } = robustNonNegativeFit(rowsWith(2, 0.03, 20));
    const stray = kept.map((keep, i) => (keep ? -1 : i)).filter((i) => i >= 0);
    expect(stray.filter((i) => i % 20 === 0).length).toBe(20);
    expect(stray.length).toBeLessThan(24);
    expect(Math.abs(coefficients[2]! / 0.02 - 1)).toBeLessThan(0.02);
  });

  it("trims rows that were far too fast as well as those too slow", () => {
    const { rows, targets, weights, groups } = rowsWith(4, 0.03, 0);
    const fast = targets.map((ms, i) => (i % 20 === 0 ? ms / 3 : ms));
    const { coefficients, kept } = robustNonNegativeFit({ rows, targets: fast, weights, groups });
    expect(kept.filter((keep, i) => !keep && i % 20 === 0)).toHaveLength(20);
    expect(Math.abs(coefficients[2]! / 0.02 - 1)).toBeLessThan(0.02);
  });

  it("leaves out a row of no time among others, which has no error of its own to be divided by", () => {
    const { coefficients, kept } = robustNonNegativeFit({
      rows: [[1], [1], [1], [1]],
      targets: [0, 4, 4, 4],
      weights: [1, 1, 1, 1],
      groups: [0, 0, 0, 0],
    });
    expect(coefficients[0]).toBeCloseTo(4, 9);
    expect(kept).toEqual([false, true, true, true]);
  });

  it("is what it is after twenty rounds, where it has not settled by then", () => {
    const rows = [13, 1, 18, 5, 6, 19].map((x) => [1, x]);
    const targets = [42.75, 1.94, 6.93, 6.29, 21.13, 17.73];
    const all = { rows, targets, weights: rows.map(() => 1), groups: rows.map(() => 0) };
    const { coefficients } = robustNonNegativeFit(all);
    // `robust_fit` of reference/fit/fits.py with scipy's nnls; after 19 and 21 rounds 0.328478 and 0.328342.
    expect(coefficients[0]).toBeCloseTo(0.3283808648393862, 9);
    expect(coefficients[1]).toBeCloseTo(1.7885956817417386, 9);
  });

  it("pulls a lone column towards zero by the ridge's share of it", () => {
    const rows = Array.from({ length: 10 }, (_, i) => [i + 1]);
    const targets = rows.map(([a]) => 6 * a!);
    const all = { rows, targets, weights: rows.map(() => 1), groups: rows.map(() => 0) };
    for (const ridge of [0, 0.5, 1, 2])
      expect(robustNonNegativeFit({ ...all, ridge }).coefficients[0]).toBeCloseTo(6 / (1 + ridge), 9);
  });

  it("gives coefficients that are never negative, and ratios of target to prediction", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.double({ min: 0, max: 1e4, noNaN: true }),
            fc.double({ min: 0, max: 1e6, noNaN: true }),
            fc.double({ min: 0.1, max: 1e4, noNaN: true }),
          ),
          { minLength: 4, maxLength: 40 },
        ),
        (many) => {
          const rows = many.map(([a, b]) => [1, a, b]);
          const targets = many.map(([, , y]) => y);
          const weights = many.map(() => 1);
          const groups = many.map(() => 0);
          const { coefficients, ratios } = robustNonNegativeFit({ rows, targets, weights, groups });
          for (const value of coefficients) expect(value).toBeGreaterThanOrEqual(0);
          rows.forEach((row, i) => {
            const predicted = row.reduce((sum, x, p) => sum + x * coefficients[p]!, 0);
            if (predicted > 1e-2) expect(ratios[i]! * predicted).toBeCloseTo(targets[i]!, 6);
          });
        },
      ),
    );
  });

  it("with a ridge, lets two equal columns share their effect", () => {
    const rows = Array.from({ length: 50 }, (_, i) => [i + 1, i + 1]);
    const targets = rows.map(([a]) => 2 * a!);
    const weights = rows.map(() => 1);
    const groups = rows.map(() => 0);
    const { coefficients } = robustNonNegativeFit({ rows, targets, weights, groups, ridge: 1e-4 });
    expect(coefficients[0]).toBeCloseTo(1, 3);
    expect(coefficients[1]).toBeCloseTo(1, 3);
  });

  it("pulls the combinations that it is given, and no coefficient for itself", () => {
    const rows = Array.from({ length: 6 }, () => [1, 1]);
    const common = {
      rows,
      targets: rows.map(() => 12),
      weights: rows.map(() => 1),
      groups: rows.map(() => 0),
    };
    const [first, second] = robustNonNegativeFit({
      ...common,
      ridge: 1e-4,
      pulls: [[1, -2], undefined],
    }).coefficients;
    expect(first).toBeCloseTo(8, 6);
    expect(second).toBeCloseTo(4, 6);
  });
});
