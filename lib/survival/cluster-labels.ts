import { describeValue, InputError } from "../base/index.js";

/** Which cluster each row belongs to: the session of each request. Any strings or numbers. */
export type ClusterLabels = ArrayLike<string | number>;

/** Clusters by number. */
export interface DenseLabels {
  /** The number of each row's cluster. */
  readonly of: Int32Array;
  readonly count: number;
  /** The label of each number. */
  readonly labels: readonly (string | number)[];
}

/**
 * Numbers clusters from 0, in order of first appearance.
 * @throws InputError naming the index of a label that is no string or number
 */
export function denseLabels(where: string, clusters: ClusterLabels): DenseLabels {
  const ids = new Map<string | number, number>();
  const of = new Int32Array(clusters.length);
  for (let i = 0; i < clusters.length; i++) {
    const label = clusters[i];
    if (typeof label !== "string" && typeof label !== "number")
      throw new InputError(
        `${where}: clusters[${i}] must be a string or a number, got ${describeValue(label)}`,
      );
    let id = ids.get(label);
    if (id === undefined) {
      id = ids.size;
      ids.set(label, id);
    }
    of[i] = id;
  }
  return { of, count: ids.size, labels: [...ids.keys()] };
}

/** The rows of each cluster. */
export function clusterRows(where: string, clusters: ClusterLabels): Int32Array[] {
  const { of, count } = denseLabels(where, clusters);
  const rows = Array.from({ length: count }, (): number[] => []);
  for (let i = 0; i < of.length; i++) rows[of[i]].push(i);
  return rows.map((own) => Int32Array.from(own));
}
