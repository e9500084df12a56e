import { InputError } from "../base/index.js";

/**
 * Adjusted Rand index of two partitions: 1 when they are the same, about 0 when they agree no more than partitions of
 * those sizes do by chance. Hubert and Arabie, Comparing Partitions, Journal of Classification 2 (1985), equation 5.
 * Where chance alone decides (both all singletons, or both one class) it is 1.
 * @param a class label of each item
 * @param b class label of each item, as long as `a`
 * @throws InputError when lengths differ
 * @example
 * ```ts
 * import { adjustedRandIndex } from "prefixlab/sessions";
 * adjustedRandIndex([0, 0, 1, 1], [5, 5, 7, 7]); // → 1
 * adjustedRandIndex([0, 0, 1, 1], [0, 1, 0, 1]); // → -0.5
 * ```
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length)
    throw new InputError(
      `adjustedRandIndex: partitions must cover the same items, got ${a.length} and ${b.length}`,
    );
  const rows = new Map<number, number>();
  const columns = new Map<number, number>();
  const cells = new Map<number, Map<number, number>>();
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    const y = b[i];
    increment(rows, x);
    increment(columns, y);
    const row = cells.get(x) ?? new Map<number, number>();
    cells.set(x, row);
    increment(row, y);
  }
  let together = 0;
  for (const row of cells.values()) together += sumPairs(row);
  const inRows = sumPairs(rows);
  const inColumns = sumPairs(columns);
  const all = pairs(a.length);
  const expected = all === 0 ? 0 : (inRows * inColumns) / all;
  const largest = (inRows + inColumns) / 2;
  return largest === expected ? 1 : (together - expected) / (largest - expected);
}

function increment(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function pairs(n: number): number {
  return (n * (n - 1)) / 2;
}

function sumPairs(counts: Map<number, number>): number {
  let sum = 0;
  for (const n of counts.values()) sum += pairs(n);
  return sum;
}
