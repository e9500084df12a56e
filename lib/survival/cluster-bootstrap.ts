import { InputError, requireInteger, stream } from "../base/index.js";
import { requireLevel } from "./pointwise-band.js";

/** Which cluster each row belongs to: the session of each request. Any strings or numbers. */
export type ClusterLabels = ArrayLike<string | number>;

/** Options of {@link clusterBootstrap}. */
export interface BootstrapOptions {
  /** How many resamples; default 1000, enough for two digits of a 95 % limit. */
  readonly replicates?: number;
  /** Seed of the resampling; default 0. The same seed gives the same interval. */
  readonly seed?: number | string;
  /** Confidence; default 0.95. */
  readonly level?: number;
}

/** An estimate with what resampling says about it. */
export interface BootstrapInterval {
  /** The statistic of all rows. */
  readonly estimate: number | undefined;
  /** Percentile limits; undefined when too many replicates have no value to say. */
  readonly lower: number | undefined;
  readonly upper: number | undefined;
  /** Standard deviation of the replicates that have a value. */
  readonly standardError: number | undefined;
  /** The replicates that have a value, ascending. */
  readonly replicates: Float64Array;
  /** Replicates in which the statistic had no value, such as a median that was not reached. */
  readonly missing: number;
}

/**
 * An interval for any statistic of rows that come in dependent groups. Whole clusters are drawn with replacement, so
 * that what goes on inside a session stays together; resampling rows instead pretends that a session's turns are
 * independent, and gives intervals that are too narrow.
 *
 * Definition: the percentile interval (Efron and Tibshirani 1993, chapter 13) over the non-parametric cluster
 * bootstrap (Field and Welsh 2007). A replicate without a value counts as beyond both limits, which can only widen the
 * interval. Fewer than about 20 clusters give intervals that are too narrow, whatever the number of rows.
 * @param clusters the cluster of each row; give every row its own for an ordinary bootstrap
 * @param statistic computed from row indices (with repeats), or undefined where it has no value
 * @throws InputError for no rows, or options out of range
 */
export function clusterBootstrap(
  clusters: ClusterLabels,
  statistic: (rows: Int32Array) => number | undefined,
  options: BootstrapOptions = {},
): BootstrapInterval {
  return clusterBootstrapAll(clusters, (rows) => [statistic(rows)], options)[0]!;
}

/** {@link clusterBootstrap} of several statistics from the same resamples. */
export function clusterBootstrapAll(
  clusters: ClusterLabels,
  statistics: (rows: Int32Array) => readonly (number | undefined)[],
  options: BootstrapOptions = {},
): BootstrapInterval[] {
  const where = "clusterBootstrap";
  const count = requireInteger(where, "replicates", options.replicates ?? 1000, 1);
  const level = requireLevel(where, options.level);
  const estimates = statistics(Int32Array.from({ length: clusters.length }, (_, i) => i));
  const values = estimates.map(() => new Float64Array(count));
  const nextRows = clusterResampler(where, clusters, options.seed, "cluster-bootstrap");
  for (let r = 0; r < count; r++) {
    statistics(nextRows()).forEach((value, s) => {
      values[s]![r] = value ?? Number.NaN;
    });
  }
  return estimates.map((estimate, s) => percentileInterval(estimate, values[s]!, level));
}

/**
 * A source of resamples: each call draws as many clusters as there are, with replacement, and gives their rows.
 * @throws InputError when there are no rows
 */
export function clusterResampler(
  where: string,
  clusters: ClusterLabels,
  seed: number | string = 0,
  name: string,
): () => Int32Array {
  const members = clusterRows(clusters);
  if (members.length === 0) throw new InputError(`${where}: needs at least one row, got none`);
  const draw = stream(seed, name);
  return () => {
    const chosen = members.map(() => members[draw.integer(members.length)]!);
    const rows = new Int32Array(chosen.reduce((size, own) => size + own.length, 0));
    let offset = 0;
    for (const own of chosen) {
      rows.set(own, offset);
      offset += own.length;
    }
    return rows;
  };
}

/** The rows of each cluster, clusters in order of first appearance. */
function clusterRows(clusters: ClusterLabels): Int32Array[] {
  const members = new Map<string | number, number[]>();
  for (let i = 0; i < clusters.length; i++) {
    const rows = members.get(clusters[i]!);
    if (rows === undefined) members.set(clusters[i]!, [i]);
    else rows.push(i);
  }
  return Array.from(members.values(), (rows) => Int32Array.from(rows));
}

/** The percentile interval of replicates, where NaN stands for one without a value. */
export function percentileInterval(
  estimate: number | undefined,
  values: Float64Array,
  level: number,
): BootstrapInterval {
  const ascending = values.filter((value) => !Number.isNaN(value)).sort();
  const kept = ascending.length;
  const missing = values.length - kept;
  const rank = Math.max(0, Math.floor(((1 - level) / 2) * (values.length + 1)) - 1) - missing;
  const mean = ascending.reduce((sum, value) => sum + value, 0) / kept;
  const squares = ascending.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    estimate,
    lower: rank < 0 ? undefined : ascending[rank],
    upper: rank < 0 ? undefined : ascending[kept - 1 - rank],
    standardError: kept > 1 ? Math.sqrt(squares / (kept - 1)) : undefined,
    replicates: ascending,
    missing,
  };
}
