import type { DenseLabels } from "./cluster-labels.js";
import type { SurvivalCurve } from "./kaplan-meier.js";
import type { Observations } from "./observations.js";
import { sortedOrder } from "./sorted-order.js";

/**
 * What each cluster adds to a curve: derivatives in the weight of the cluster's rows (the infinitesimal jackknife, Efron
 * 1982). Over the clusters they add up to 0; their squares add up to the cluster-robust variance. An array that is given
 * is used again by the next call.
 */
export interface ClusterInfluence {
  /** The label of each cluster, by its number. */
  readonly labels: readonly (string | number)[];
  /** On S at a row of the curve; row -1 is before the first time. */
  at(row: number): Float64Array;
  /** On the area under the curve up to a time. */
  areaUpTo(horizon: number): Float64Array;
}

/** @param cluster the numbered cluster of each observation */
export function clusterInfluence(
  observations: Observations,
  cluster: DenseLabels,
  curve: SurvivalCurve,
): ClusterInfluence {
  const { entry, weights } = observations;
  const isPlain =
    entry === undefined && weights === undefined && curve.censored.every((count) => count === 0);
  return {
    labels: cluster.labels,
    at: isPlain ? shareInfluence(observations, cluster, curve) : curveInfluence(observations, cluster, curve),
    areaUpTo: areaInfluence(observations, cluster, curve),
  };
}

/**
 * Where every event was seen, S is the share of rows beyond a time: rows beyond it are counted by cluster, and the next
 * call counts only the rows between, so that a search for a row costs little more than one pass.
 */
function shareInfluence(
  { times }: Observations,
  { of, count }: DenseLabels,
  curve: SurvivalCurve,
): ClusterInfluence["at"] {
  const sorted = Int32Array.from(sortedOrder(times), (row) => of[row]);
  const size = new Float64Array(count);
  for (const c of sorted) size[c]++;
  const beyond = size.slice();
  const influence = new Float64Array(count);
  let passed = 0;
  return (row) => {
    const goal = row < 0 ? 0 : curve.n - curve.atRisk[row] + curve.events[row];
    while (passed < goal) beyond[sorted[passed++]]--;
    while (passed > goal) beyond[sorted[--passed]]++;
    const s = row < 0 ? 1 : curve.survival[row];
    for (let c = 0; c < count; c++) influence[c] = (beyond[c] - s * size[c]) / curve.n;
    return influence;
  };
}

function curveInfluence(
  observations: Observations,
  { of, count }: DenseLabels,
  curve: SurvivalCurve,
): ClusterInfluence["at"] {
  const fixed = new Float64Array(count);
  const present = new Float64Array(count);
  return (wanted) => {
    fixed.fill(0);
    present.fill(0);
    const s = wanted < 0 ? 1 : curve.survival[wanted];
    if (wanted < 0 || s === 0) return fixed;
    let last = 0;
    walkInfluence(observations, curve, {
      change: (row, toFixed, toPresent) => {
        fixed[of[row]] += toFixed;
        present[of[row]] += toPresent;
      },
      reach: (k, sum) => {
        last = sum;
        return k < wanted;
      },
    });
    for (let c = 0; c < count; c++) fixed[c] = s * (fixed[c] + present[c] * last);
    return fixed;
  };
}

function areaInfluence(
  observations: Observations,
  { of, count }: DenseLabels,
  { times, ...curve }: SurvivalCurve,
): ClusterInfluence["areaUpTo"] {
  return (horizon) => {
    const fixed = new Float64Array(count);
    const present = new Float64Array(count);
    const area = new Float64Array(count);
    // A cluster's part of the area is kept up to its last change: areas under S and under S x sum so far, and then.
    const plainThen = new Float64Array(count);
    const summedThen = new Float64Array(count);
    let [plain, summed] = [0, 0];
    const settle = (c: number): void => {
      area[c] += fixed[c] * (plain - plainThen[c]) + present[c] * (summed - summedThen[c]);
      plainThen[c] = plain;
      summedThen[c] = summed;
    };
    walkInfluence(
      observations,
      { times, ...curve },
      {
        change: (row, toFixed, toPresent) => {
          const c = of[row];
          settle(c);
          fixed[c] += toFixed;
          present[c] += toPresent;
        },
        reach: (k, sum) => {
          if (times[k] >= horizon) return false;
          const width = curve.survival[k] * (Math.min(horizon, times[k + 1] ?? horizon) - times[k]);
          plain += width;
          summed += width * sum;
          return true;
        },
      },
    );
    for (let c = 0; c < count; c++) settle(c);
    return area;
  };
}

/** Who is told of a walk. */
export interface InfluenceVisitor {
  /** A row's part of its cluster changes by these. */
  change(row: number, toFixed: number, toPresent: number): void;
  /** The walk is at a row of the curve, with the running sum of d / (n (n - d)); false ends it. */
  reach(curveRow: number, sum: number): boolean;
}

/**
 * One pass over the sorted rows. Between a cluster's own events its derivative of S, over S, is linear in the running
 * Greenwood-like sum: fixed + present x sum. It ends where the curve has reached 0, where the derivative is not defined.
 */
export function walkInfluence(
  { times, observed, entry, weights }: Observations,
  curve: SurvivalCurve,
  { change, reach }: InfluenceVisitor,
): void {
  const weightOf = (row: number): number => (weights === undefined ? 1 : weights[row]);
  const leaving = sortedOrder(times);
  const entering = entry && sortedOrder(entry);
  if (!entering) for (let row = 0; row < times.length; row++) change(row, 0, weightOf(row));
  let sum = 0;
  let nextIn = 0;
  let nextOut = 0;
  for (let k = 0; k < curve.times.length && curve.survival[k] > 0; k++) {
    const time = curve.times[k];
    while (entering && entry && nextIn < entering.length && entry[entering[nextIn]] < time) {
      const row = entering[nextIn++];
      change(row, -weightOf(row) * sum, weightOf(row));
    }
    const d = curve.events[k];
    const n = curve.atRisk[k];
    if (d > 0) sum += d / (n * (n - d));
    while (nextOut < leaving.length && times[leaving[nextOut]] <= time) {
      const row = leaving[nextOut++];
      const seen = observed === undefined || observed[row];
      change(row, weightOf(row) * (sum - (seen ? 1 / (n - d) : 0)), -weightOf(row));
    }
    if (!reach(k, sum)) break;
  }
}
