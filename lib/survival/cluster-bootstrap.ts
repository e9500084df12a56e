import { InputError, requireInteger, stream } from "../base/index.js";
import { type ClusterLabels, clusterRows } from "./cluster-labels.js";
import { type BootstrapInterval, percentileInterval } from "./percentile-interval.js";
import { requireLevel } from "./pointwise-band.js";

/** Options of {@link clusterBootstrap}. */
export interface BootstrapOptions {
  /** How many resamples; default 1000, enough for two digits of a 95 % limit. */
  readonly replicates?: number;
  /** Seed of the resampling; default 0. The same seed gives the same interval. */
  readonly seed?: number | string;
  /** Confidence; default 0.95. */
  readonly level?: number;
}

/**
 * An interval for any statistic of rows that come in dependent groups. Whole clusters are drawn with replacement, so
 * that what goes on inside a session stays together; resampling rows instead pretends that a session's turns are
 * independent, and gives intervals that are too narrow.
 *
 * Definition: the non-parametric cluster bootstrap (Field and Welsh 2007) with the limits of `percentileInterval`, which
 * allow for the number of clusters. It is the clusters that count, not the rows: with fewer than about 20, no interval
 * of this kind can be relied on. It suits smooth statistics, such as means and shares. For quantiles there are
 * `quantileInterval` of a `clusterRobustCurve` and `quantileRatio`, which hold in the tails too.
 * @param clusters the cluster of each row; give every row its own for an ordinary bootstrap
 * @param statistic computed from row indices (with repeats), or undefined where it has no value
 * @throws InputError for no rows, a label that is no string or number, or options out of range
 * @example
 * ```ts
 * import { clusterBootstrap, kaplanMeier, quantileOf } from "prefixlab/survival";
 * const ttftMs = [31, 33, 52, 55, 38, 36, 90, 84, 41, 44];
 * const session = ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"];
 * const medianOf = (rows: Int32Array) =>
 *   quantileOf(kaplanMeier({ times: Array.from(rows, (row) => ttftMs[row]) }), 0.5);
 * const { estimate, lower, upper } = clusterBootstrap(session, medianOf, { replicates: 500, seed: 1 });
 * [estimate, lower, upper]; // → [41, 31, 84]
 * ```
 */
export function clusterBootstrap(
  clusters: ClusterLabels,
  statistic: (rows: Int32Array) => number | undefined,
  options: BootstrapOptions = {},
): BootstrapInterval {
  return clusterBootstrapAll(clusters, (rows) => [statistic(rows)], options)[0];
}

/**
 * {@link clusterBootstrap} of several statistics from the same resamples.
 * @example
 * ```ts
 * import { clusterBootstrapAll } from "prefixlab/survival";
 * const ttftMs = [31, 33, 52, 55, 38, 36, 90, 84];
 * const session = ["a", "a", "b", "b", "c", "c", "d", "d"];
 * const extremes = (rows: Int32Array) => [Math.min(...rows), Math.max(...rows)].map((row) => ttftMs[row]);
 * clusterBootstrapAll(session, extremes, { replicates: 200 }).map(({ estimate }) => estimate); // → [31, 84]
 * ```
 */
export function clusterBootstrapAll(
  clusters: ClusterLabels,
  statistics: (rows: Int32Array) => readonly (number | undefined)[],
  options: BootstrapOptions = {},
): BootstrapInterval[] {
  const where = "clusterBootstrap";
  const count = requireInteger(where, "replicates", options.replicates ?? 1000, 1);
  const level = requireLevel(where, options.level);
  const resampler = clusterResampler(where, clusters, options.seed);
  const estimates = statistics(Int32Array.from({ length: clusters.length }, (_, i) => i));
  const values = estimates.map(() => new Float64Array(count));
  for (let r = 0; r < count; r++) {
    statistics(resampler.nextRows()).forEach((value, s) => {
      values[s][r] = value ?? Number.NaN;
    });
  }
  return estimates.map((estimate, s) =>
    percentileInterval(estimate, values[s], level, resampler.clusterCount),
  );
}

/** A source of resamples. */
interface ClusterResampler {
  readonly clusterCount: number;
  /** Draws as many clusters as there are, with replacement, and gives their rows. */
  nextRows(): Int32Array;
}

function clusterResampler(
  where: string,
  clusters: ClusterLabels,
  seed: number | string = 0,
): ClusterResampler {
  const members = clusterRows(where, clusters);
  if (members.length === 0) throw new InputError(`${where}: needs at least one row, got none`);
  const draw = stream(seed, "cluster-bootstrap");
  const chosen = new Int32Array(members.length);
  const nextRows = (): Int32Array => {
    let size = 0;
    for (let c = 0; c < chosen.length; c++) {
      chosen[c] = draw.integer(chosen.length);
      size += members[chosen[c]].length;
    }
    const rows = new Int32Array(size);
    let next = 0;
    for (let c = 0; c < chosen.length; c++) {
      const own = members[chosen[c]];
      for (let i = 0; i < own.length; i++) rows[next++] = own[i];
    }
    return rows;
  };
  return { clusterCount: members.length, nextRows };
}
