import { quantileSorted, type RandomStream, sortedCopy, stream } from "../base/index.js";

/**
 * Values that belong to sessions, sorted once, so that quantiles of a resample of sessions cost one pass: a session
 * drawn k times counts each of its values k times.
 */
export class ClusteredValues {
  readonly size: number;
  readonly #values: Float64Array;
  readonly #cluster: Int32Array;
  readonly #clusterSizes: Int32Array;

  /** @param clusterOf the session of each value, from 0 */
  constructor(values: ArrayLike<number>, clusterOf: ArrayLike<number>) {
    const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort(
      (a, b) => values[a] - values[b],
    );
    this.size = order.length;
    this.#values = Float64Array.from(order, (i) => values[i]);
    this.#cluster = Int32Array.from(order, (i) => clusterOf[i]);
    this.#clusterSizes = new Int32Array(this.#cluster.reduce((most, c) => Math.max(most, c + 1), 0));
    for (const c of this.#cluster) this.#clusterSizes[c]++;
  }

  /**
   * Quantiles (definition 7) of the values with each session counted `multiplicity` times; undefined when that leaves
   * no values.
   * @param probabilities ascending
   */
  quantiles(probabilities: readonly number[], multiplicity?: Int32Array): (number | undefined)[] {
    const values = this.#values;
    if (!multiplicity) return probabilities.map((p) => quantileSorted(values, p));
    const cluster = this.#cluster;
    let total = 0;
    this.#clusterSizes.forEach((size, c) => {
      total += size * multiplicity[c];
    });
    if (total === 0) return probabilities.map(() => undefined);
    // Order statistics below `seen` are among the values before index `next`.
    let seen = 0;
    let next = 0;
    return probabilities.map((p) => {
      const position = (total - 1) * p;
      const below = Math.floor(position);
      while (seen <= below) seen += multiplicity[cluster[next++]];
      const low = values[next - 1];
      if (position === below || seen > below + 1) return low;
      let above = next;
      while (multiplicity[cluster[above]] === 0) above++;
      return low + (position - below) * (values[above] - low);
    });
  }
}

/** Sessions drawn with replacement, as many as there are: how often each was drawn. */
export function resampleSessions(count: number, random: RandomStream): Int32Array {
  const multiplicity = new Int32Array(count);
  for (let i = 0; i < count; i++) multiplicity[random.integer(count)]++;
  return multiplicity;
}

/**
 * Percentile bootstrap over sessions (Davison and Hinkley 1997, section 3.8: resampling clusters, since turns of one
 * session are not independent): the interval of each of several statistics of a resample.
 * @param statistic values of the statistics for given session multiplicities; undefined values are left out
 */
export function sessionBootstrap(
  sessionCount: number,
  statistic: (multiplicity: Int32Array) => readonly (number | undefined)[],
  options: { readonly replicates?: number; readonly level?: number; readonly seed?: number | string } = {},
): (readonly [low: number, high: number] | undefined)[] {
  const { replicates = 400, level = 0.95, seed = 1 } = options;
  const random = stream(seed, "session-bootstrap");
  const draws: number[][] = [];
  for (let r = 0; r < replicates; r++) {
    statistic(resampleSessions(sessionCount, random)).forEach((value, k) => {
      draws[k] ??= [];
      if (value !== undefined && Number.isFinite(value)) draws[k].push(value);
    });
  }
  const tail = (1 - level) / 2;
  return draws.map((values) => {
    // Too many empty resamples say that the statistic hardly exists: then it has no interval.
    if (values.length < 0.9 * replicates) return undefined;
    const sorted = sortedCopy(values);
    const at = (p: number): number => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
    return [at(tail), at(1 - tail)] as const;
  });
}
