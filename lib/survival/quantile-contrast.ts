import type { ClusteredCurve } from "./cluster-robust-curve.js";
import {
  type ClusteredPair,
  type Contrast,
  type ContrastOptions,
  contrastOf,
  curvesOf,
  type Pairing,
  pairClusters,
  type Sample,
} from "./clustered-pair.js";
import { clusteredQuantileInterval } from "./clustered-quantile.js";
import { firstRow, reachable } from "./first-row.js";
import { requireLevel } from "./pointwise-band.js";
import { quantileOf } from "./quantile-of.js";
import { studentQuantile, studentTails } from "./student.js";
import { rowAt } from "./survival-at.js";

/** With fewer clusters than this the coverage of the limits has not been shown. */
const fewestClusters = 10;

/**
 * How many times a quantile of one sample is that of another: the ratio a / b and its limits, for samples whose rows may
 * come in clusters, and whose clusters may be the same ones measured twice.
 *
 * Definition: the ratios r that a test of "S_a(r t) = S_b(t), at the time t where their mean is 1 - p" does not reject,
 * from the estimate outwards. The statistic is the difference of the two shares over its cluster-robust standard error at
 * that time: each cluster adds the difference of what it adds to the two curves, which allows for pairing. It is held
 * against Student's t with clusters - 1 degrees of freedom, or fewer where a few clusters make the variance, as far out
 * in a tail: 2 (sum u^2)^2 / (sum u^4 - (sum u^2)^2 / clusters), Satterthwaite (1946). To invert a test of shares, instead
 * of dividing an error by a density, is what Woodruff (1952) and Francisco and Fuller (1991) do for one quantile.
 *
 * Where a quantile lies at a gap between two modes (gaps between tokens, with and without a prefill in the step), the two
 * may be on different sides of it though the shares hardly differ. Then the limits are at least those that the
 * `quantileInterval` of each sample leaves open, each at the level (1 + level) / 2 (Bonferroni).
 * @param p share, 0.5 for the ratio of medians
 * @returns all parts undefined where a quantile is not reached or is 0; a limit, where the samples do not give one: both
 * with fewer than 10 clusters in a sample, for which coverage has not been shown
 * @throws InputError when p is outside [0, 1], level outside (0, 1), only one sample has clusters, or naming the index of
 * a bad observation
 * @example
 * ```ts
 * import { quantileRatio } from "prefixlab/survival";
 * const cacheOff = { times: [395, 410, 422, 430, 441, 455, 470, 495, 520, 610] };
 * const cacheOn = { times: [30, 36, 41, 48, 52, 66, 87, 95, 103, 240] };
 * quantileRatio(cacheOff, cacheOn, 0.5); // → { estimate: 8.481, lower: 4.442, upper: 12.07 }
 * ```
 */
export function quantileRatio(
  a: Sample | ClusteredCurve,
  b: Sample | ClusteredCurve,
  p: number,
  options: ContrastOptions = {},
): Contrast {
  const where = "quantileRatio";
  const level = requireLevel(where, options.level);
  const curves = curvesOf(where, a, b);
  const [qa, qb] = curves.map((curve) => quantileOf(curve, p));
  if (!qa || !qb) return { estimate: undefined, lower: undefined, upper: undefined };
  const [first, second] = curves.map(({ times }) => ({
    least: times.find((time) => time > 0) ?? 1,
    most: times[times.length - 1],
  }));
  const ends = [first.least / (2 * second.most), (2 * first.most) / second.least] as const;
  return { estimate: qa / qb, ...limitsOf(curves, ratio, p, qa / qb, ends, { ...options, level }) };
}

/**
 * By how much a quantile of one sample is above that of another, in the caller's unit: the difference a - b and its
 * limits, those of {@link quantileRatio} with "S_a(t + d) = S_b(t)" in place of "S_a(r t) = S_b(t)".
 * @returns all parts undefined where a quantile is not reached; limits as in {@link quantileRatio}
 * @throws InputError as {@link quantileRatio}
 * @example
 * ```ts
 * import { quantileDifference } from "prefixlab/survival";
 * const cacheOff = { times: [395, 410, 422, 430, 441, 455, 470, 495, 520, 610] };
 * const cacheOn = { times: [30, 36, 41, 48, 52, 66, 87, 95, 103, 240] };
 * quantileDifference(cacheOff, cacheOn, 0.5); // → { estimate: 389, lower: 327, upper: 454 }
 * ```
 */
export function quantileDifference(
  a: Sample | ClusteredCurve,
  b: Sample | ClusteredCurve,
  p: number,
  options: ContrastOptions = {},
): Contrast {
  const where = "quantileDifference";
  const level = requireLevel(where, options.level);
  const curves = curvesOf(where, a, b);
  const [qa, qb] = curves.map((curve) => quantileOf(curve, p));
  if (qa === undefined || qb === undefined)
    return { estimate: undefined, lower: undefined, upper: undefined };
  const [first, second] = curves.map(({ times }) => ({ least: times[0], most: times[times.length - 1] }));
  const ends = [first.least - second.most - 1, first.most - second.least + 1] as const;
  return { estimate: qa - qb, ...limitsOf(curves, difference, p, qa - qb, ends, { ...options, level }) };
}

/** How a time of the first sample is made of one of the second. */
interface Move {
  there(time: number, by: number): number;
  back(time: number, by: number): number;
  between(a: number, b: number): number;
  /** How far a later time is from an earlier one. */
  distance(from: number, to: number): number;
}

const ratio: Move = {
  there: (time, by) => time * by,
  back: (time, by) => time / by,
  between: (a, b) => Math.sqrt(a * b),
  distance: (from, to) => Math.log(to / from),
};

const difference: Move = {
  there: (time, by) => time + by,
  back: (time, by) => time - by,
  between: (a, b) => (a + b) / 2,
  distance: (from, to) => to - from,
};

/** Whether a move is too far: the test that is inverted. */
function equalityTest(
  curves: ClusteredPair,
  move: Move,
  p: number,
  level: number,
  paired: boolean | undefined,
): (by: number) => boolean {
  const [a, b] = curves;
  const pairing = pairClusters(curves, paired);
  const known = new Map<number, boolean>();
  return (by) => {
    const rows = rowsWhereMeanIs(1 - p, a, b, move, by);
    if (!rows) return false;
    const key = (rows[0] + 1) * (b.times.length + 1) + rows[1] + 1;
    const answer = known.get(key) ?? differ(a, b, rows, pairing, 1 - level);
    known.set(key, answer);
    return answer;
  };
}

interface Limits {
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

function limitsOf(
  curves: ClusteredPair,
  move: Move,
  p: number,
  estimate: number,
  [low, high]: readonly [number, number],
  { level, paired }: Required<Pick<ContrastOptions, "level">> & ContrastOptions,
): Limits {
  if (curves.some(({ clusters }) => clusters.labels.length < fewestClusters))
    return { lower: undefined, upper: undefined };
  const rejects = equalityTest(curves, move, p, level, paired);
  const limit = (end: number): number | undefined => {
    if (!rejects(end)) return undefined;
    let [inside, outside] = [estimate, end];
    for (let i = 0; i < 60; i++) {
      const middle = move.between(inside, outside);
      if (rejects(middle)) outside = middle;
      else inside = middle;
    }
    return outside;
  };
  const limits = { lower: limit(low), upper: limit(high) };
  return curves.some((curve) => liesAtGap(curve, p, level, move))
    ? widened(limits, curves, move, p, level)
    : limits;
}

/** Whether more than half of the way between the times at which a curve may have reached 1 - p is one step. */
function liesAtGap(curve: ClusteredCurve, p: number, level: number, { distance }: Move): boolean {
  const { times, survival, clusters, n } = curve;
  const count = clusters.labels.length;
  const row = firstRow(survival, (s) => s <= reachable(1 - p));
  const squares = clusters.at(row).reduce((sum, u) => sum + u * u, 0);
  const error = Math.sqrt(Math.max((squares * count) / (count - 1), (p * (1 - p)) / n));
  const reach = studentQuantile((1 - level) / 2, count - 1) * error;
  const first = firstRow(survival, (s) => s < 1 - p + reach);
  const last = Math.min(
    times.length - 1,
    firstRow(survival, (s) => s <= 1 - p - reach),
  );
  let longest = 0;
  for (let k = first + 1; k <= last; k++) longest = Math.max(longest, distance(times[k - 1], times[k]));
  return last > first && longest > distance(times[first], times[last]) / 2;
}

function widened(limits: Limits, curves: ClusteredPair, { back }: Move, p: number, level: number): Limits {
  const [a, b] = curves.map((curve) => clusteredQuantileInterval(curve, p, (1 + level) / 2));
  const open = (near: number | undefined, far: number | undefined): number | undefined =>
    near === undefined || far === undefined ? undefined : back(near, far);
  const [low, high] = [open(a.lower, b.upper), open(a.upper, b.lower)];
  const { lower, upper } = limits;
  return {
    lower: lower === undefined || low === undefined ? undefined : Math.min(lower, low),
    upper: upper === undefined || high === undefined ? undefined : Math.max(upper, high),
  };
}

/** The rows of both curves at the first time of b, with its counterpart of a, where the mean of S has fallen to a share. */
function rowsWhereMeanIs(
  share: number,
  a: ClusteredCurve,
  b: ClusteredCurve,
  { there, back }: Move,
  by: number,
): readonly [rowA: number, rowB: number] | undefined {
  const goal = reachable(2 * share);
  const partnerOfB = (row: number): number => rowAt(a.times, there(b.times[row], by));
  const partnerOfA = (row: number): number => rowAt(b.times, back(a.times[row], by));
  const rowB = firstRow(b.survival, (s, row) => s + survivalOf(a, partnerOfB(row)) <= goal);
  const rowA = firstRow(a.survival, (s, row) => s + survivalOf(b, partnerOfA(row)) <= goal);
  if (rowA === a.times.length && rowB === b.times.length) return undefined;
  const isB = rowA === a.times.length || b.times[rowB] <= back(a.times[rowA], by);
  return isB ? [partnerOfB(rowB), rowB] : [rowA, partnerOfA(rowA)];
}

function survivalOf({ survival }: ClusteredCurve, row: number): number {
  return row < 0 ? 1 : survival[row];
}

/** Whether the survival of a and of b at two rows differ by more than chance, at the given share of false alarms. */
function differ(
  a: ClusteredCurve,
  b: ClusteredCurve,
  [rowA, rowB]: readonly [number, number],
  pairing: Pairing,
  alpha: number,
): boolean {
  const { count } = pairing;
  let squares = 0;
  let fourths = 0;
  for (const u of contrastOf(a.clusters.at(rowA), b.clusters.at(rowB), pairing)) {
    squares += u ** 2;
    fourths += u ** 4;
  }
  const gap = survivalOf(a, rowA) - survivalOf(b, rowB);
  if (squares === 0) return gap !== 0;
  const error = Math.sqrt((squares * count) / (count - 1));
  const freedom = (2 * squares ** 2) / (fourths - squares ** 2 / count);
  // Equal parts of all clusters make the denominator 0, or less by rounding.
  const degrees = freedom > 0 ? Math.max(1, Math.min(count - 1, freedom)) : count - 1;
  return studentTails(gap / error, degrees) <= alpha;
}
