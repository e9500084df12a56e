import { InputError, requireInteger } from "../base/index.js";
import { clusterResampler } from "./cluster-bootstrap.js";
import type { ClusterLabels } from "./cluster-labels.js";
import { kaplanMeier } from "./kaplan-meier.js";
import { normalQuantile } from "./normal.js";
import { type Observations, requireLength } from "./observations.js";
import { percentileInterval } from "./percentile-interval.js";
import { requireLevel } from "./pointwise-band.js";
import { quantileInterval, quantileOf } from "./quantile-of.js";
import { restrictedMean } from "./restricted-mean.js";
import { takeRows } from "./take-rows.js";

/** Observations whose rows may belong to clusters, such as the sessions of requests. */
export interface Sample extends Observations {
  /** The cluster of each row. Default: every row is independent. */
  readonly clusters?: ClusterLabels;
}

/** Options of {@link quantileDifference} and {@link restrictedMeanDifference}. */
export interface DifferenceOptions {
  /** Confidence; default 0.95. */
  readonly level?: number;
  /** Bootstrap resamples where the samples have clusters; default 1000. */
  readonly replicates?: number;
  /** Bootstrap seed; default 0. */
  readonly seed?: number | string;
  /**
   * Whether equal cluster labels in the two samples are the same session, measured twice: they are then drawn
   * together. Default false: the samples are drawn apart.
   */
  readonly paired?: boolean;
}

/** A difference a - b, in the caller's unit; a part that does not exist is undefined. */
export interface Difference {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
  /** How the limits were made. */
  readonly method: "independent" | "cluster bootstrap" | "paired cluster bootstrap";
}

/**
 * By how much a quantile of one sample is above that of another.
 *
 * Without clusters the limits join the Brookmeyer-Crowley limits of the two quantiles by MOVER (Zou and Donner 2008):
 * lower = (a - b) - sqrt((a - lower_a)^2 + (upper_b - b)^2), upper likewise. With clusters: the percentile interval of
 * a cluster bootstrap.
 * @param p share, 0.5 for the median
 * @returns undefined parts where a quantile or its limit is not reached
 * @throws InputError when p is outside [0, 1], only one sample has clusters, or naming the index of a bad observation
 * @example
 * ```ts
 * import { quantileDifference } from "prefixlab/survival";
 * const cacheOff = { times: [395, 410, 422, 430, 441, 455, 470, 495, 520, 610] };
 * const cacheOn = { times: [30, 36, 41, 48, 52, 66, 87, 95, 103, 240] };
 * const { estimate, lower, upper } = quantileDifference(cacheOff, cacheOn, 0.5);
 * [estimate, lower, upper]; // → [389, 326, 447.3]
 * ```
 */
export function quantileDifference(
  a: Sample,
  b: Sample,
  p: number,
  options: DifferenceOptions = {},
): Difference {
  const where = "quantileDifference";
  const level = requireLevel(where, options.level);
  if (hasClusters(where, a, b))
    return bootstrapDifference(where, a, b, (data) => quantileOf(kaplanMeier(data), p), level, options);
  const [qa, qb] = [a, b].map((sample) => quantileInterval(kaplanMeier(sample), p, { level })) as [
    Limits,
    Limits,
  ];
  return moverDifference(qa, qb);
}

/**
 * By how much the restricted mean of one sample is above that of another: how much longer, on average, up to the
 * horizon. Without clusters: normal limits from the two variances (Royston and Parmar 2013). With clusters: the
 * percentile interval of a cluster bootstrap.
 * @returns undefined parts where the horizon is beyond what a sample shows
 * @throws InputError when horizon is negative, only one sample has clusters, or naming the index of a bad observation
 * @example
 * ```ts
 * import { restrictedMeanDifference } from "prefixlab/survival";
 * const modeled = { times: [33, 35, 55, 52], clusters: ["a", "a", "b", "b"] };
 * const captured = { times: [30, 36, 48, 57], clusters: ["a", "a", "b", "b"] };
 * const { estimate, method } = restrictedMeanDifference(modeled, captured, 100, { paired: true });
 * [estimate, method]; // → [1, "paired cluster bootstrap"]
 * ```
 */
export function restrictedMeanDifference(
  a: Sample,
  b: Sample,
  horizon: number,
  options: DifferenceOptions = {},
): Difference {
  const where = "restrictedMeanDifference";
  const level = requireLevel(where, options.level);
  const meanOf = (data: Observations) => restrictedMean(kaplanMeier(data), horizon);
  if (hasClusters(where, a, b))
    return bootstrapDifference(where, a, b, (data) => meanOf(data)?.mean, level, options);
  const [ma, mb] = [meanOf(a), meanOf(b)];
  if (ma === undefined || mb === undefined)
    return { estimate: undefined, lower: undefined, upper: undefined, method: "independent" };
  const estimate = ma.mean - mb.mean;
  const width = normalQuantile((1 + level) / 2) * Math.hypot(ma.standardError, mb.standardError);
  return { estimate, lower: estimate - width, upper: estimate + width, method: "independent" };
}

interface Limits {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

function moverDifference(a: Limits, b: Limits): Difference {
  const method = "independent";
  if (a.estimate === undefined || b.estimate === undefined)
    return { estimate: undefined, lower: undefined, upper: undefined, method };
  const estimate = a.estimate - b.estimate;
  const reach = (near: number | undefined, far: number | undefined): number | undefined =>
    near === undefined || far === undefined ? undefined : Math.hypot(a.estimate! - near, b.estimate! - far);
  const below = reach(a.lower, b.upper);
  const above = reach(a.upper, b.lower);
  return {
    estimate,
    lower: below === undefined ? undefined : estimate - below,
    upper: above === undefined ? undefined : estimate + above,
    method,
  };
}

function hasClusters(where: string, a: Sample, b: Sample): boolean {
  if ((a.clusters === undefined) !== (b.clusters === undefined))
    throw new InputError(`${where}: give clusters to both samples or to neither`);
  if (a.clusters === undefined || b.clusters === undefined) return false;
  requireLength(`${where}: first sample`, "clusters", a.clusters.length, a.times.length);
  requireLength(`${where}: second sample`, "clusters", b.clusters.length, b.times.length);
  return true;
}

function bootstrapDifference(
  where: string,
  a: Sample,
  b: Sample,
  statistic: (data: Observations) => number | undefined,
  level: number,
  { replicates, seed, paired = false }: DifferenceOptions,
): Difference {
  const count = requireInteger(where, "replicates", replicates ?? 1000, 1);
  const minus = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined || y === undefined ? undefined : x - y;
  const { clusterCount, nextPair } = paired ? drawTogether(where, a, b, seed) : drawApart(where, a, b, seed);
  const values = new Float64Array(count);
  for (let r = 0; r < count; r++) {
    const [rowsA, rowsB] = nextPair();
    values[r] = minus(statistic(takeRows(a, rowsA)), statistic(takeRows(b, rowsB))) ?? Number.NaN;
  }
  const estimate = minus(statistic(a), statistic(b));
  const { lower, upper } = percentileInterval(estimate, values, level, clusterCount);
  return { estimate, lower, upper, method: paired ? "paired cluster bootstrap" : "cluster bootstrap" };
}

interface PairSource {
  readonly clusterCount: number;
  nextPair(): [Int32Array, Int32Array];
}

function drawApart(where: string, a: Sample, b: Sample, seed: number | string | undefined): PairSource {
  const first = clusterResampler(where, a.clusters!, seed, "first sample");
  const second = clusterResampler(where, b.clusters!, seed, "second sample");
  return {
    clusterCount: Math.min(first.clusterCount, second.clusterCount),
    nextPair: () => [first.nextRows(), second.nextRows()],
  };
}

/** Rows of both samples in one list: a row >= the first sample's length belongs to the second. */
function drawTogether(where: string, a: Sample, b: Sample, seed: number | string | undefined): PairSource {
  const labels = [...Array.from(a.clusters!), ...Array.from(b.clusters!)];
  const split = a.times.length;
  const both = clusterResampler(where, labels, seed, "both samples");
  return {
    clusterCount: both.clusterCount,
    nextPair: () => {
      const rows = both.nextRows();
      return [
        rows.filter((row) => row < split),
        rows.filter((row) => row >= split).map((row) => row - split),
      ];
    },
  };
}
