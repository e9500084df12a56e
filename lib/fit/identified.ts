import { solveSymmetric } from "../base/index.js";

/** Share of a column that must be its own before its price is told apart from the others'. */
const leastOwnShare = 1e-3;

/**
 * Per column, whether the rows tell its price apart from the prices of the other columns: least squares of the column on
 * the others leave at least a thousandth of its squared length. False for a column of zeros. One prompt size, for one,
 * makes a prompt token, its depth and a chunk one column.
 * @param weights per row
 */
export function identifiedColumns(rows: readonly ArrayLike<number>[], weights: ArrayLike<number>): boolean[] {
  const columns = rows[0]?.length ?? 0;
  const gram = Array.from({ length: columns }, () => new Float64Array(columns));
  for (let i = 0; i < rows.length; i++)
    for (let p = 0; p < columns; p++) {
      const weighted = weights[i] * rows[i][p];
      if (weighted === 0) continue;
      for (let q = 0; q < columns; q++) gram[p][q] += weighted * rows[i][q];
    }
  const length = gram.map((row, p) => Math.sqrt(row[p]));
  const correlation = gram.map((row, p) =>
    Array.from(row, (value, q) => value / (length[p] * length[q] || 1)),
  );
  return gram.map((_, p) => length[p] > 0 && ownShare(correlation, p) >= leastOwnShare);
}

function ownShare(correlation: readonly (readonly number[])[], p: number): number {
  const others = correlation.map((_, q) => q).filter((q) => q !== p && correlation[q][q] > 0);
  const toOthers = others.map((q) => correlation[p][q]);
  const solution = solveSymmetric(
    others.map((q) => others.map((r) => correlation[q][r])),
    toOthers,
  );
  return 1 - toOthers.reduce((sum, value, i) => sum + value * solution[i], 0);
}
