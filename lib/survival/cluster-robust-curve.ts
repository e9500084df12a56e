import { type ClusterLabels, denseLabels } from "./cluster-labels.js";
import { kaplanMeierOf, type SurvivalCurve } from "./kaplan-meier.js";
import { type Observations, requireLength } from "./observations.js";
import { riskTable } from "./risk-table.js";
import { sortedOrder } from "./sorted-order.js";

/**
 * A Kaplan-Meier curve whose variance allows for dependence within clusters: the turns of a session, or, with one
 * cluster a row, sampling weights. Pointwise bands and quantile intervals of the curve then allow for it too.
 *
 * Definition: the infinitesimal jackknife, variance(t) = sum over clusters of U_c(t)^2, with U_c the derivative of S(t)
 * in the weights of the cluster's rows (Efron 1982; Ying and Wei 1994 for clusters). R: `survfit(..., cluster)`,
 * which reports this as its robust standard error. One pass over the sorted rows: between a cluster's own events its
 * U_c / S is linear in the running Greenwood-like sum, so three running totals are enough.
 * @param clusters the cluster of each row, as long as times
 * @throws InputError for lengths that differ, or naming the index of a bad observation
 * @example
 * ```ts
 * import { clusterRobustCurve, kaplanMeier } from "prefixlab/survival";
 * const ttftMs = { times: [31, 33, 52, 55, 38, 36] };
 * const session = ["a", "a", "b", "b", "c", "c"];
 * clusterRobustCurve(ttftMs, session).variance[2]; // → 0.05556
 * kaplanMeier(ttftMs).variance[2]; // → 0.04167
 * ```
 */
export function clusterRobustCurve(observations: Observations, clusters: ClusterLabels): SurvivalCurve {
  const where = "clusterRobustCurve";
  requireLength(where, "clusters", clusters.length, observations.times.length);
  const curve = kaplanMeierOf(riskTable(where, observations));
  const { times, observed, entry, weights } = observations;
  const cluster = denseLabels(where, clusters);
  const fixed = new Float64Array(cluster.count);
  const present = new Float64Array(cluster.count);
  const leaving = sortedOrder(times);
  const entering = entry === undefined ? undefined : sortedOrder(entry);
  // A cluster's U_c / S is fixed_c + present_c x sum: keep the totals of its square's three parts.
  let [ff, fp, pp] = [0, 0, 0];
  const change = (row: number, toFixed: number, toPresent: number): void => {
    const c = cluster.of[row];
    const weight = weights === undefined ? 1 : weights[row];
    const [f, p] = [fixed[c], present[c]];
    const nextF = f + weight * toFixed;
    const nextP = p + weight * toPresent;
    ff += nextF * nextF - f * f;
    fp += nextF * nextP - f * p;
    pp += nextP * nextP - p * p;
    fixed[c] = nextF;
    present[c] = nextP;
  };
  if (entering === undefined) for (let row = 0; row < times.length; row++) change(row, 0, 1);

  const variance = new Float64Array(curve.times.length);
  let sum = 0;
  let nextIn = 0;
  let nextOut = 0;
  for (let k = 0; k < curve.times.length; k++) {
    const time = curve.times[k];
    const s = curve.survival[k];
    if (s === 0) break;
    while (entering !== undefined && nextIn < entering.length && entry![entering[nextIn]] < time)
      change(entering[nextIn++], -sum, 1);
    const d = curve.events[k];
    const n = curve.atRisk[k];
    if (d > 0) sum += d / (n * (n - d));
    while (nextOut < leaving.length && times[leaving[nextOut]] <= time) {
      const row = leaving[nextOut++];
      const seen = observed === undefined || observed[row];
      change(row, sum - (seen ? 1 / (n - d) : 0), -1);
    }
    variance[k] = s * s * Math.max(0, ff + 2 * sum * fp + sum * sum * pp);
  }
  return { ...curve, variance };
}
