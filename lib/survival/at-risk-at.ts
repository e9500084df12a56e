import type { Observations } from "./observations.js";
import { sortedOrder } from "./sorted-order.js";

/**
 * How many subjects (weight) of one sample are at risk at each of the given ascending times: those with
 * entry < t <= time. The sample must have been checked.
 */
export function atRiskAt(grid: Float64Array, { times, entry, weights }: Observations): Float64Array {
  const leaving = weightFrom(grid, times, weights);
  if (entry === undefined) return leaving;
  const late = weightFrom(grid, entry, weights);
  return leaving.map((weight, k) => weight - late[k]);
}

/** Events (weight) of one sample at each of the given ascending times. */
export function eventsAt(grid: Float64Array, { times, observed, weights }: Observations): Float64Array {
  const counts = new Float64Array(grid.length);
  const order = sortedOrder(times);
  let k = 0;
  for (const row of order) {
    if (observed !== undefined && !observed[row]) continue;
    while (k < grid.length && grid[k] < times[row]) k++;
    if (k < grid.length && grid[k] === times[row]) counts[k] += weights === undefined ? 1 : weights[row];
  }
  return counts;
}

/** Total weight of the values that are >= each grid time. */
function weightFrom(
  grid: Float64Array,
  values: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
): Float64Array {
  const order = sortedOrder(values);
  const totals = new Float64Array(grid.length);
  let total = 0;
  let next = order.length - 1;
  for (let k = grid.length - 1; k >= 0; k--) {
    while (next >= 0 && values[order[next]] >= grid[k]) {
      total += weights === undefined ? 1 : weights[order[next]];
      next--;
    }
    totals[k] = total;
  }
  return totals;
}
