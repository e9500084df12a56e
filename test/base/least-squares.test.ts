import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nonNegativeLeastSquares, solveSymmetric } from "../../lib/base/index.js";

interface Problem {
  readonly name: string;
  readonly rows: number[][];
  readonly targets: number[];
  readonly weights?: number[];
  readonly x: number[];
  readonly squares: number;
}
interface System {
  readonly matrix: number[][];
  readonly right: number[];
  readonly x: number[];
}

const reference = JSON.parse(
  readFileSync(new URL("../reference/base/least-squares.json", import.meta.url), "utf8"),
) as { problems: Problem[]; systems: System[] };

/** Weighted sum of squared residuals. */
function squaresOf({ rows, targets, weights }: Problem, x: ArrayLike<number>): number {
  return rows.reduce((sum, row, i) => {
    const residual = targets[i] - row.reduce((value, a, p) => value + a * x[p], 0);
    return sum + (weights?.[i] ?? 1) * residual ** 2;
  }, 0);
}

describe("nonNegativeLeastSquares", () => {
  it.each(reference.problems)("agrees with scipy's nnls: $name", (problem) => {
    const x = nonNegativeLeastSquares(problem.rows, problem.targets, problem.weights);
    const largest = Math.max(...problem.x, 1e-12);
    problem.x.forEach((value, p) => {
      expect(Math.abs(x[p] - value), `x[${p}]`).toBeLessThan(1e-7 * Math.max(value, largest));
    });
    expect(squaresOf(problem, x)).toBeCloseTo(problem.squares, 8);
  });

  it("is the minimum: no gradient points into the allowed side (Karush, Kuhn, Tucker)", () => {
    const value = fc.integer({ min: -20, max: 20 });
    const problem = fc.integer({ min: 1, max: 5 }).chain((k) =>
      fc.record({
        rows: fc.array(fc.array(value, { minLength: k, maxLength: k }), { minLength: k, maxLength: 12 }),
        targets: fc.array(value, { minLength: 12, maxLength: 12 }),
      }),
    );
    fc.assert(
      fc.property(problem, ({ rows, targets }) => {
        const b = targets.slice(0, rows.length);
        const x = nonNegativeLeastSquares(rows, b);
        const residuals = rows.map((row, i) => b[i] - row.reduce((sum, a, p) => sum + a * x[p], 0));
        x.forEach((coefficient, p) => {
          expect(coefficient).toBeGreaterThanOrEqual(0);
          const gradient = rows.reduce((sum, row, i) => sum + row[p] * residuals[i], 0);
          const length = Math.sqrt(rows.reduce((sum, row) => sum + row[p] ** 2, 0));
          const tolerance = 1e-6 * (1 + length * Math.hypot(...b));
          expect(gradient).toBeLessThan(tolerance);
          if (coefficient > 1e-9) expect(gradient).toBeGreaterThan(-tolerance);
        });
      }),
      { numRuns: 500 },
    );
  });

  it("leaves an unused column at zero", () => {
    const rows = [
      [1, 0],
      [2, 0],
      [3, 0],
    ];
    expect(Array.from(nonNegativeLeastSquares(rows, [2, 4, 6]))).toEqual([2, 0]);
  });

  it("fits rows of weight zero not at all", () => {
    const rows = [[1], [1], [1]];
    expect(nonNegativeLeastSquares(rows, [4, 4, 1000], [1, 1, 0])[0]).toBeCloseTo(4, 12);
  });

  it("solves as many rows as columns, and refuses fewer, or none at all", () => {
    const rows = [
      [2, 0],
      [0, 4],
    ];
    expect(Array.from(nonNegativeLeastSquares(rows, [2, 8]))).toEqual([1, 2]);
    expect(() => nonNegativeLeastSquares(rows.slice(0, 1), [2])).toThrow(
      /as many rows as columns, got 1 x 2/,
    );
    expect(() => nonNegativeLeastSquares([], [])).toThrow(/got 0 x 0/);
    expect(() => nonNegativeLeastSquares([[], []], [1, 2])).toThrow(/got 2 x 0/);
  });

  it("refuses another number of targets than rows", () => {
    expect(() => nonNegativeLeastSquares([[1], [2]], [1])).toThrow(/2 rows but 1 targets/);
    expect(() => nonNegativeLeastSquares([[1]], [1, 2])).toThrow(/1 rows but 2 targets/);
  });
});

describe("solveSymmetric", () => {
  it.each(reference.systems)(
    "agrees with numpy's solve on $right.length unknowns",
    ({ matrix, right, x }) => {
      solveSymmetric(matrix, right).forEach((value, i) => {
        expect(Math.abs(value - x[i])).toBeLessThan(1e-9 * (1 + Math.abs(x[i])));
      });
    },
  );

  it("gives zero to a direction in which the system says nothing", () => {
    const matrix = [
      [2, 0, 0],
      [0, 0, 0],
      [0, 0, 4],
    ];
    expect(solveSymmetric(matrix, [6, 5, 8])).toEqual([3, 0, 2]);
    const alike = [
      [1, 1],
      [1, 1],
    ];
    expect(solveSymmetric(alike, [3, 3])).toEqual([3, 0]);
  });

  it("exchanges rows where a pivot vanishes", () => {
    const matrix = [
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 5],
    ];
    expect(solveSymmetric(matrix, [7, 8, 10])).toEqual([8, 7, 2]);
  });

  it("leaves the matrix and the right side as they were", () => {
    const matrix = [
      [2, 1],
      [1, 3],
    ];
    const right = [3, 4];
    solveSymmetric(matrix, right);
    expect(matrix).toEqual([
      [2, 1],
      [1, 3],
    ]);
    expect(right).toEqual([3, 4]);
  });
});
