import { requireFinite } from "./errors.js";
import { selectQuantiles } from "./select-quantiles.js";

/**
 * Sorts numbers into a new Float64Array, ascending.
 * @example
 * ```ts
 * import { sortedCopy } from "prefixlab/base";
 * sortedCopy([48, 30, 36]); // → [30, 36, 48]
 * ```
 */
export function sortedCopy(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).sort();
}

/**
 * Quantile of values that are already ascending: linear interpolation between order statistics, definition 7 of
 * Hyndman and Fan (1996), which is the default of R's `quantile` and of NumPy.
 * @returns undefined for no values
 * @throws InputError when `p` is outside [0, 1]
 * @example
 * ```ts
 * import { quantileSorted } from "prefixlab/base";
 * quantileSorted([30, 36, 48, 87], 0.9); // → 75.3
 * ```
 */
export function quantileSorted(ascending: ArrayLike<number>, p: number): number | undefined {
  requireFinite("quantileSorted", "p", p, 0, 1);
  const n = ascending.length;
  if (n === 0) return undefined;
  const position = (n - 1) * p;
  const below = Math.floor(position);
  const low = ascending[below];
  if (below + 1 >= n) return low;
  return low + (position - below) * (ascending[below + 1] - low);
}

/**
 * {@link quantileSorted} of values in any order.
 * @example
 * ```ts
 * import { quantile } from "prefixlab";
 * quantile([48, 30, 36, 87], 0.9); // → 75.3
 * ```
 */
export function quantile(values: ArrayLike<number>, p: number): number | undefined {
  requireFinite("quantile", "p", p, 0, 1);
  const copy = Float64Array.from(values);
  // A selection needs an order, in which NaN has no place.
  return copy.includes(Number.NaN) ? quantileSorted(copy.sort(), p) : selectQuantiles(copy, [p])[0];
}

/**
 * The median: the 0.5 quantile, definition 7.
 * @example
 * ```ts
 * import { median } from "prefixlab";
 * median([48, 30, 36]); // → 36
 * ```
 */
export function median(values: ArrayLike<number>): number | undefined {
  return quantile(values, 0.5);
}

/**
 * The arithmetic mean, undefined for no values.
 * @example
 * ```ts
 * import { mean } from "prefixlab";
 * mean([30, 36, 48]); // → 38
 * mean([]); // → undefined
 * ```
 */
export function mean(values: ArrayLike<number>): number | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i];
  return sum / n;
}
