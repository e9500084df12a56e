import { type ClusterInfluence, clusterInfluence, walkInfluence } from "./cluster-influence.js";
import { type ClusterLabels, denseLabels } from "./cluster-labels.js";
import { kaplanMeierOf, type SurvivalCurve } from "./kaplan-meier.js";
import { type Observations, requireLength } from "./observations.js";
import { riskTable } from "./risk-table.js";

/** A curve that knows what each cluster adds to it. */
export interface ClusteredCurve extends SurvivalCurve {
  readonly clusters: ClusterInfluence;
}

/**
 * A Kaplan-Meier curve whose variance allows for dependence within clusters: the turns of a session, or, with one
 * cluster a row, sampling weights. Pointwise bands, quantile intervals, restricted means and differences made from it
 * then allow for it too.
 *
 * Definition: the infinitesimal jackknife, variance(t) = sum over clusters of U_c(t)^2, with U_c the derivative of S(t)
 * in the weights of the cluster's rows (Efron 1982; Ying and Wei 1994 for clusters). R: `survfit(..., cluster)`,
 * which reports this as its robust standard error. One pass over the sorted rows: three running totals are enough.
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
export function clusterRobustCurve(observations: Observations, clusters: ClusterLabels): ClusteredCurve {
  return clusteredCurve("clusterRobustCurve", observations, clusters);
}

/** {@link clusterRobustCurve}, on behalf of a function that messages name. */
export function clusteredCurve(
  where: string,
  observations: Observations,
  clusters: ClusterLabels,
): ClusteredCurve {
  requireLength(where, "clusters", clusters.length, observations.times.length);
  const curve = kaplanMeierOf(riskTable(where, observations));
  const cluster = denseLabels(where, clusters);
  const fixed = new Float64Array(cluster.count);
  const present = new Float64Array(cluster.count);
  const variance = new Float64Array(curve.times.length);
  // A cluster's U_c / S is fixed_c + present_c x sum: keep the totals of its square's three parts.
  let [ff, fp, pp] = [0, 0, 0];
  walkInfluence(observations, curve, {
    change: (row, toFixed, toPresent) => {
      const c = cluster.of[row];
      const [f, p] = [fixed[c], present[c]];
      const [nextF, nextP] = [f + toFixed, p + toPresent];
      ff += nextF * nextF - f * f;
      fp += nextF * nextP - f * p;
      pp += nextP * nextP - p * p;
      fixed[c] = nextF;
      present[c] = nextP;
    },
    reach: (k, sum) => {
      const s = curve.survival[k];
      variance[k] = s * s * Math.max(0, ff + 2 * sum * fp + sum * sum * pp);
      return true;
    },
  });
  return { ...curve, variance, clusters: clusterInfluence(observations, cluster, curve) };
}
