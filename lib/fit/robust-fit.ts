import { nonNegativeLeastSquares, selectQuantiles } from "../base/index.js";

/** A robust fit: coefficients, and which rows it trusts. */
export interface RobustFit {
  readonly coefficients: Float64Array;
  /** Per row, target over prediction. */
  readonly ratios: Float64Array;
  /** Per row, false where the row was trimmed as a stray. */
  readonly kept: readonly boolean[];
}

/** Rows of one group share a scale of relative error and, together, a weight. */
export interface RobustRows {
  readonly rows: readonly ArrayLike<number>[];
  readonly targets: ArrayLike<number>;
  /** Per row, its weight before anything else. */
  readonly weights: ArrayLike<number>;
  /** Per row, its group: strays are judged within a group. */
  readonly groups: readonly number[];
  /**
   * Pull on each coefficient, as a share of its column's squared length; default 0. Where columns rise and fall
   * together, a little of it decides what the data leave open.
   */
  readonly ridge?: number;
  /**
   * Per column, the combination of coefficients that is pulled towards zero; undefined: none. Default: each coefficient
   * for itself.
   */
  readonly pulls?: readonly (ArrayLike<number> | undefined)[];
}

const rounds = 20;
/** Huber's constant: 95 % efficiency on normal errors (Huber 1964). */
const huberConstant = 1.345;
/** Rows beyond this many standard deviations are left out altogether. */
const trimAt = 5;

/**
 * Non-negative least squares on relative errors, iteratively reweighted: each row is divided by its prediction,
 * downweighted by Huber's function of its relative error in units of its group's spread (1.4826 median absolute
 * deviations about the median), and left out beyond five of them. Machines have stray slow steps; a fit of typical
 * cost must not chase them.
 * @throws InputError when there are fewer rows than columns
 */
export function robustNonNegativeFit(options: RobustRows): RobustFit {
  const { rows, targets, weights, groups, ridge = 0, pulls } = options;
  const n = rows.length;
  const predictions = Float64Array.from(targets, (target) => Math.max(target, smallestMs));
  const robust = new Float64Array(n).fill(1);
  const ratios = new Float64Array(n);
  const kept = new Array<boolean>(n).fill(true);
  const rowWeights = new Float64Array(n);
  const grouped = membersOf(groups);
  const largest = grouped.reduce((most, { length }) => Math.max(most, length), 0);
  const scratch = new Float64Array(largest);
  let coefficients: Float64Array = new Float64Array(0);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < n; i++) rowWeights[i] = (weights[i] * robust[i]) / predictions[i] ** 2;
    const before = coefficients;
    coefficients = solve(rows, targets, rowWeights, ridge, pulls);
    for (let i = 0; i < n; i++) {
      predictions[i] = Math.max(smallestMs, dot(rows[i], coefficients));
      ratios[i] = targets[i] / predictions[i];
    }
    for (const members of grouped) {
      const values = scratch.subarray(0, members.length);
      for (let k = 0; k < members.length; k++) values[k] = ratios[members[k]];
      const center = medianOf(values);
      for (let k = 0; k < members.length; k++) values[k] = Math.abs(ratios[members[k]] - center);
      const spread = 1.4826 * medianOf(values);
      const scale = Math.max(spread, smallestSpread);
      for (const i of members) {
        const distance = Math.abs(ratios[i] - 1) / scale;
        const stray = Math.abs(ratios[i] - center) / scale > trimAt;
        kept[i] = !stray;
        robust[i] = stray ? 0 : Math.min(1, huberConstant / distance);
      }
    }
    if (settled(before, coefficients)) break;
  }
  return { coefficients, ratios, kept };
}

/** Below the resolution of any clock behind a trace. */
const smallestMs = 1e-3;
/** Relative spread that is taken for granted, so that exact data do not make every rounding error a stray. */
const smallestSpread = 1e-4;

function solve(
  rows: readonly ArrayLike<number>[],
  targets: ArrayLike<number>,
  weights: Float64Array,
  ridge: number,
  pulls: RobustRows["pulls"],
): Float64Array {
  if (ridge === 0) return nonNegativeLeastSquares(rows, targets, weights);
  const columns = rows[0].length;
  const pulled = Array.from({ length: columns }, (_, p) => p).filter((p) => !pulls || pulls[p] !== undefined);
  const pullRows = pulled.map((p) => {
    let squared = 0;
    for (let i = 0; i < rows.length; i++) squared += weights[i] * rows[i][p] ** 2;
    const strength = Math.sqrt(ridge * squared);
    return Float64Array.from(
      { length: columns },
      (_, q) => strength * (pulls?.[p]?.[q] ?? (p === q ? 1 : 0)),
    );
  });
  return nonNegativeLeastSquares(
    [...rows, ...pullRows],
    Float64Array.from([...Array.from(targets), ...pullRows.map(() => 0)]),
    Float64Array.from([...weights, ...pullRows.map(() => 1)]),
  );
}

/** @param values at least one, rearranged */
function medianOf(values: Float64Array): number {
  return selectQuantiles(values, [0.5])[0]!;
}

function settled(before: Float64Array, after: Float64Array): boolean {
  return after.every((value, p) => Math.abs(value - before[p]) <= 1e-5 * value);
}

function dot(row: ArrayLike<number>, coefficients: ArrayLike<number>): number {
  let sum = 0;
  for (let p = 0; p < row.length; p++) sum += row[p] * coefficients[p];
  return sum;
}

function membersOf(groups: readonly number[]): number[][] {
  const members = new Map<number, number[]>();
  groups.forEach((group, i) => {
    const list = members.get(group);
    if (list) list.push(i);
    else members.set(group, [i]);
  });
  return [...members.values()];
}
