/** Rows of a regression: features and whether the outcome was 1. */
export interface LogisticRow {
  readonly features: Float64Array;
  readonly isRight: boolean;
}

/**
 * Weights of a logistic regression without intercept, by Newton's method (iteratively reweighted least squares) with a ridge penalty of
 * `ridge` / 2 times the sum of squared weights.
 */
export function fitLogistic(rows: readonly LogisticRow[], ridge = 1): number[] {
  const k = rows[0].features.length;
  let weights = new Float64Array(k);
  for (let round = 0; round < 50; round++) {
    const gradient = new Float64Array(k);
    const hessian = Array.from({ length: k }, (_, i) => {
      const row = new Float64Array(k);
      row[i] = ridge;
      return row;
    });
    for (let i = 0; i < k; i++) gradient[i] = -ridge * weights[i];
    for (const { features, isRight } of rows) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += features[i] * weights[i];
      const p = 1 / (1 + Math.exp(-sum));
      const w = p * (1 - p);
      for (let i = 0; i < k; i++) {
        if (features[i] === 0) continue;
        gradient[i] += ((isRight ? 1 : 0) - p) * features[i];
        for (let j = 0; j < k; j++) hessian[i][j] += w * features[i] * features[j];
      }
    }
    const step = solved(hessian, gradient);
    weights = weights.map((weight, i) => weight + step[i]);
    if (Math.max(...step.map(Math.abs)) < 1e-9) break;
  }
  return [...weights];
}

/** Solves a positive definite system by elimination with pivots. */
function solved(matrix: readonly Float64Array[], right: Float64Array): Float64Array {
  const n = right.length;
  const rows = matrix.map((row, i) => Float64Array.of(...row, right[i]));
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(rows[r][c]) > Math.abs(rows[pivot][c])) pivot = r;
    [rows[c], rows[pivot]] = [rows[pivot], rows[c]];
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const factor = rows[r][c] / rows[c][c];
      for (let j = c; j <= n; j++) rows[r][j] -= factor * rows[c][j];
    }
  }
  return Float64Array.from(rows, (row, i) => row[n] / row[i]);
}
