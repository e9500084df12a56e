import { InputError } from "../base/index.js";
import type { ClusterLabels } from "./cluster-labels.js";
import { type ClusteredCurve, clusteredCurve } from "./cluster-robust-curve.js";
import type { Observations } from "./observations.js";

/** Observations whose rows may belong to clusters, such as the sessions of requests. */
export interface Sample extends Observations {
  /** The cluster of each row. Default: every row is independent. */
  readonly clusters?: ClusterLabels;
}

/** Options of a comparison of two samples. */
export interface ContrastOptions {
  /** Confidence; default 0.95. */
  readonly level?: number;
  /** Whether equal cluster labels in the two samples are the same session, measured twice. Default false. */
  readonly paired?: boolean;
}

/** A comparison of two samples with its limits; a part that does not exist is undefined. */
export interface Contrast {
  readonly estimate: number | undefined;
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

/** The curves of two samples, with what each cluster adds. */
export type ClusteredPair = readonly [ClusteredCurve, ClusteredCurve];

/** @throws InputError when only one sample has clusters, or naming the index of a bad observation */
export function curvesOf(
  where: string,
  a: Sample | ClusteredCurve,
  b: Sample | ClusteredCurve,
): ClusteredPair {
  if ((a.clusters === undefined) !== (b.clusters === undefined))
    throw new InputError(`${where}: give clusters to both samples or to neither`);
  return [curveOf(`${where}: first sample`, a), curveOf(`${where}: second sample`, b)];
}

function curveOf(where: string, sample: Sample | ClusteredCurve): ClusteredCurve {
  if ("survival" in sample) return sample;
  return clusteredCurve(where, sample, sample.clusters ?? Int32Array.from(sample.times, (_, row) => row));
}

/** The clusters of two samples, numbered together. */
export interface Pairing {
  readonly of: readonly [Int32Array, Int32Array];
  readonly count: number;
}

/** Numbers the clusters of both: equal labels alike if paired, else all apart. */
export function pairClusters([a, b]: ClusteredPair, paired = false): Pairing {
  const [first, second] = [a.clusters.labels, b.clusters.labels];
  const known = new Map(paired ? first.map((label, c) => [label, c]) : []);
  let count = first.length;
  const ofSecond = Int32Array.from(second, (label) => known.get(label) ?? count++);
  return { of: [Int32Array.from(first, (_, c) => c), ofSecond], count };
}

/** What each cluster adds to a - b. */
export function contrastOf(a: Float64Array, b: Float64Array, { of, count }: Pairing): Float64Array {
  const u = new Float64Array(count);
  for (let c = 0; c < a.length; c++) u[of[0][c]] += a[c];
  for (let c = 0; c < b.length; c++) u[of[1][c]] -= b[c];
  return u;
}
