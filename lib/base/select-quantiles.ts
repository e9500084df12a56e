import { requireFinite } from "./errors.js";

/**
 * Quantiles of values in any order, definition 7 of Hyndman and Fan as {@link quantileSorted}, without sorting them:
 * the order statistics are selected in place by Hoare's quickselect ("Algorithm 65: Find", CACM 4, 1961) in linear
 * time on average. Without NaN, the result is that of sorting.
 * @param values rearranged
 * @param ps ascending, each in [0, 1]
 * @returns one entry for each of `ps`, undefined without values
 * @throws InputError when a `p` is outside [0, 1]
 * @example
 * ```ts
 * import { selectQuantiles } from "prefixlab/base";
 * selectQuantiles(Float64Array.of(48, 30, 36, 87), [0.5, 0.99]); // → [42, 85.83]
 * ```
 */
export function selectQuantiles(values: Float64Array, ps: readonly number[]): (number | undefined)[] {
  const n = values.length;
  let from = 0;
  return ps.map((p) => {
    requireFinite("selectQuantiles", "p", p, 0, 1);
    if (n === 0) return undefined;
    const position = (n - 1) * p;
    const below = Math.floor(position);
    select(values, below, from);
    from = below;
    const low = values[below];
    if (below + 1 >= n) return low;
    return low + (position - below) * (least(values, below + 1) - low);
  });
}

/** Puts the k-th smallest in its place: none before it is larger, none after it smaller. All before `from` are. */
function select(values: Float64Array, k: number, from: number): void {
  let left = from;
  let right = values.length - 1;
  while (left < right) {
    const pivot = medianOfThree(values[left], values[(left + right) >> 1], values[right]);
    let i = left;
    let j = right;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const swapped = values[i];
      values[i++] = values[j];
      values[j--] = swapped;
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else return;
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function least(values: Float64Array, from: number): number {
  let smallest = values[from];
  for (let i = from + 1; i < values.length; i++) if (values[i] < smallest) smallest = values[i];
  return smallest;
}
