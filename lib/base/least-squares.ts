import { InputError } from "./errors.js";

/**
 * Non-negative least squares: the x >= 0 that minimises |Ax - b|, by the active-set method of Lawson and Hanson
 * (Solving Least Squares Problems, 1974, chapter 23), on the normal equations with columns scaled to length one.
 * @param rows A, one array a row, all of the same length
 * @param targets b, as long as `rows`
 * @param weights optional weight of each row's squared residual
 * @throws InputError when lengths differ, or there are fewer rows than columns
 * @example
 * ```ts
 * import { nonNegativeLeastSquares } from "prefixlab";
 * // TTFT = a + b x uncached tokens, with prices that cannot be negative.
 * const rows = [64, 256, 1024].map((tokens) => [1, tokens]);
 * nonNegativeLeastSquares(rows, [14.4, 33.6, 110.4]); // → [8, 0.1]
 * ```
 */
export function nonNegativeLeastSquares(
  rows: readonly ArrayLike<number>[],
  targets: ArrayLike<number>,
  weights?: ArrayLike<number>,
): Float64Array {
  const n = rows.length;
  const k = n === 0 ? 0 : rows[0].length;
  if (targets.length !== n)
    throw new InputError(`nonNegativeLeastSquares: ${n} rows but ${targets.length} targets`);
  if (n < k || k === 0)
    throw new InputError(`nonNegativeLeastSquares: needs at least as many rows as columns, got ${n} x ${k}`);
  const scale = new Float64Array(k);
  const gram = Array.from({ length: k }, () => new Float64Array(k));
  const moment = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    const w = weights ? weights[i] : 1;
    for (let p = 0; p < k; p++) {
      const wp = w * row[p];
      // Most rows have a part in few columns.
      if (wp === 0) continue;
      moment[p] += wp * targets[i];
      const gramRow = gram[p] as Float64Array;
      for (let q = p; q < k; q++) gramRow[q] += wp * row[q];
    }
  }
  for (let p = 0; p < k; p++) scale[p] = Math.sqrt(gram[p][p]) || 1;
  for (let p = 0; p < k; p++) {
    moment[p] /= scale[p];
    for (let q = p; q < k; q++) {
      gram[p][q] /= scale[p] * scale[q];
      gram[q][p] = gram[p][q];
    }
  }
  const x = solveActiveSet(gram, moment);
  for (let p = 0; p < k; p++) x[p] /= scale[p];
  return x;
}

function solveActiveSet(gram: readonly Float64Array[], moment: Float64Array): Float64Array {
  const k = moment.length;
  const x = new Float64Array(k);
  const passive = new Array<boolean>(k).fill(false);
  const tolerance = 1e-12 * Math.max(1e-300, ...moment.map(Math.abs));
  for (let round = 0; round < 3 * k + 10; round++) {
    let entering = -1;
    let steepest = tolerance;
    for (let p = 0; p < k; p++) {
      if (passive[p]) continue;
      let gradient = moment[p];
      for (let q = 0; q < k; q++) gradient -= gram[p][q] * x[q];
      if (gradient > steepest) {
        steepest = gradient;
        entering = p;
      }
    }
    if (entering < 0) return x;
    passive[entering] = true;
    for (;;) {
      const columns = passive.flatMap((on, p) => (on ? [p] : []));
      const z = solveSymmetric(
        columns.map((p) => columns.map((q) => gram[p][q])),
        columns.map((p) => moment[p]),
      );
      if (z.every((v) => v > 0)) {
        x.fill(0);
        columns.forEach((p, i) => {
          x[p] = z[i];
        });
        break;
      }
      let step = 1;
      columns.forEach((p, i) => {
        if (z[i] <= 0) step = Math.min(step, x[p] / (x[p] - z[i]));
      });
      columns.forEach((p, i) => {
        x[p] += step * (z[i] - x[p]);
        if (z[i] <= 0 && x[p] <= 1e-14) {
          x[p] = 0;
          passive[p] = false;
        }
      });
      if (!passive.some(Boolean)) break;
    }
  }
  return x;
}

/**
 * Solves a symmetric positive semi-definite system by Gaussian elimination with partial pivoting. A direction in
 * which the system says nothing (a vanishing pivot) gets the value zero.
 * @example
 * ```ts
 * import { solveSymmetric } from "prefixlab/base";
 * solveSymmetric([[2, 1], [1, 3]], [4, 7]); // → [1, 2]
 * ```
 */
export function solveSymmetric(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length;
  const a = matrix.map((row, i) => [...row, right[i]]);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r][c]) > Math.abs(a[pivot][c])) pivot = r;
    [a[c], a[pivot]] = [a[pivot], a[c]];
    if (Math.abs(a[c][c]) < 1e-12) continue;
    for (let r = c + 1; r < n; r++) {
      const factor = a[r][c] / a[c][c];
      for (let q = c; q <= n; q++) a[r][q] -= factor * a[c][q];
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let r = n - 1; r >= 0; r--) {
    if (Math.abs(a[r][r]) < 1e-12) continue;
    let rest = a[r][n];
    for (let q = r + 1; q < n; q++) rest -= a[r][q] * x[q];
    x[r] = rest / a[r][r];
  }
  return x;
}
