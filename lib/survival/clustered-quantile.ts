import type { ClusteredCurve } from "./cluster-robust-curve.js";
import { firstRow, reachable } from "./first-row.js";
import { betaShare } from "./incomplete-beta.js";
import { findRoot } from "./numeric.js";
import { type QuantileInterval, quantileOf } from "./quantile-of.js";
import { studentQuantile } from "./student.js";

/**
 * Limits of a quantile of dependent rows: all times at which a binomial test with the effective number of rows does not
 * reject that 1 - p are beyond them.
 *
 * Definition: with independent rows and no censoring, the exact interval between order statistics, the two-sided test of
 * Clopper and Pearson (1934) inverted (David and Nagaraja 2003, section 7.1). Dependence is allowed for as Korn and
 * Graubard (1998) do for shares: the number of rows is divided by the design effect, never below 1, and multiplied by
 * (t with rows - 1 / t with clusters - 1 degrees of freedom)^2. The design effect is that of S, the cluster-robust over
 * Greenwood's variance; of those at the quantile and at the median the larger is taken, since far out it rests on a
 * handful of rows. Where rows are censored, their number is S (1 - S) / Greenwood's variance (Cutler and Ederer 1958), on
 * the upper side no more than those at risk / S. Inverting a test of the share, not its estimate, is what Woodruff (1952)
 * and Francisco and Fuller (1991) do for quantiles of surveys.
 *
 * A limit that the rows cannot give is undefined: with fewer than 36 effective rows a p90, with fewer than 368 a p99 has
 * no 95 % upper limit, for all of them may lie below it. The limit that is left is one-sided, of level (1 + level) / 2.
 */
export function clusteredQuantileInterval(curve: ClusteredCurve, p: number, level: number): QuantileInterval {
  const { times, survival, atRisk, n, clusters } = curve;
  const estimate = quantileOf(curve, p);
  const count = clusters.labels.length;
  const goal = 1 - p;
  if (count < 2 || goal <= 0 || goal >= 1) return { estimate, lower: undefined, upper: undefined };
  const tail = (1 - level) / 2;
  const row = firstRow(survival, (s) => s <= reachable(goal));
  const here = precisionAt(curve, row);
  const middle = precisionAt(
    curve,
    firstRow(survival, (s) => s <= 0.5),
  );
  const shrink =
    (studentQuantile(tail, n - 1) / studentQuantile(tail, count - 1)) ** 2 /
    Math.max(1, here.designEffect, middle.designEffect);

  const most = mostBeyond(here.rows * shrink, goal, tail);
  const lower = most === undefined ? undefined : times[firstRow(survival, (s) => s < most)];
  let upper: number | undefined;
  for (let k = row; k < times.length; ) {
    const rowsAt = Math.min(here.rows, atRisk[k] / (k > 0 ? survival[k - 1] : 1));
    const least = leastBeyond(rowsAt * shrink, goal, tail);
    if (least === undefined) break;
    const next = firstRow(survival, (s) => s <= reachable(least));
    if (next <= k) {
      upper = times[k];
      break;
    }
    k = next;
  }
  return { estimate, lower, upper };
}

interface Precision {
  /** How many rows without censoring would tell S as exactly. */
  readonly rows: number;
  readonly designEffect: number;
}

/** Of S at a row, or at the last row before it at which the curve is above 0. */
function precisionAt({ survival, atRisk, events, n, clusters }: ClusteredCurve, wanted: number): Precision {
  let row = Math.min(wanted, survival.length - 1);
  while (row >= 0 && survival[row] <= 0) row--;
  const s = row < 0 ? 1 : survival[row];
  const count = clusters.labels.length;
  // All events at one time: nothing tells how alike the rows of a cluster are, so each cluster counts as one.
  if (s >= 1) return { rows: n, designEffect: n / count };
  let greenwood = 0;
  for (let k = 0; k <= row; k++) greenwood += events[k] / (atRisk[k] * (atRisk[k] - events[k]));
  greenwood *= s * s;
  const squares = clusters.at(row).reduce((sum, u) => sum + u * u, 0);
  return {
    rows: (s * (1 - s)) / greenwood,
    // Both variances with their small-sample factor, so that rows alone have a design effect of exactly 1.
    designEffect: (squares * count) / (count - 1) / ((greenwood * n) / (n - 1)),
  };
}

/** The largest share beyond a quantile that n rows allow, where `goal` are expected; undefined where any share is. */
function mostBeyond(n: number, goal: number, tail: number): number | undefined {
  const beyond = (x: number): number => betaShare(goal, x, n - x + 1);
  return beyond(n) > tail ? undefined : findRoot(n * goal, n, (x) => beyond(x) - tail) / n;
}

/** The smallest share beyond a quantile that n rows allow; undefined where none at all is one. */
function leastBeyond(n: number, goal: number, tail: number): number | undefined {
  const upTo = (x: number): number => 1 - betaShare(goal, x + 1, n - x);
  return upTo(0) > tail ? undefined : findRoot(0, n * goal, (x) => upTo(x) - tail) / n;
}
