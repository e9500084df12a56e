import type { RandomStream } from "../../../lib/base/index.js";
import { normalCdf, normalQuantile } from "../../../lib/survival/normal.js";
import { expandedTail } from "../../../lib/survival/percentile-interval.js";

/** Limits, each undefined where there is none. */
export interface Limits {
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

/** A statistic of the sample with every cluster counted as often as given. */
export type WeightedStatistic = (multiplicity: Int32Array) => number;

/**
 * Bootstrap intervals of whole clusters, from the same resamples: the percentile interval (Efron and Tibshirani 1993,
 * section 13.3), the expanded one (see `percentileInterval`), and BCa (section 14.3, with the jackknife over clusters).
 */
export function bootstrapIntervals(
  statistic: WeightedStatistic,
  clusters: number,
  replicates: number,
  draw: RandomStream,
): { readonly percentile: Limits; readonly expanded: Limits; readonly bca: Limits } {
  const values = new Float64Array(replicates);
  const multiplicity = new Int32Array(clusters);
  for (let r = 0; r < replicates; r++) {
    multiplicity.fill(0);
    for (let i = 0; i < clusters; i++) multiplicity[draw.integer(clusters)]++;
    values[r] = statistic(multiplicity);
  }
  values.sort();
  const at = (share: number): number =>
    values[Math.min(replicates - 1, Math.max(0, Math.floor(share * replicates)))];
  const both = (tail: number): Limits => ({ lower: at(tail), upper: at(1 - tail) });

  multiplicity.fill(1);
  const estimate = statistic(multiplicity);
  const without = Float64Array.from({ length: clusters }, (_, c) => {
    multiplicity[c] = 0;
    const value = statistic(multiplicity);
    multiplicity[c] = 1;
    return value;
  });
  const mean = without.reduce((sum, v) => sum + v, 0) / clusters;
  const squares = without.reduce((sum, v) => sum + (mean - v) ** 2, 0);
  const cubes = without.reduce((sum, v) => sum + (mean - v) ** 3, 0);
  const acceleration = squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
  const below =
    values.reduce((sum, v) => sum + (v < estimate ? 1 : v === estimate ? 0.5 : 0), 0) / replicates;
  const bias = normalQuantile(Math.min(0.999, Math.max(0.001, below)));
  const corrected = (share: number): number => {
    const z = bias + normalQuantile(share);
    return at(normalCdf(bias + z / (1 - acceleration * z)));
  };
  return {
    percentile: both(0.025),
    expanded: both(expandedTail(0.025, clusters)),
    bca: { lower: corrected(0.025), upper: corrected(0.975) },
  };
}
