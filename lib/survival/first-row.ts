/** The first row of a column for which something holds that then holds for all later ones; its length for none. */
export function firstRow(column: Float64Array, holds: (value: number, row: number) => boolean): number {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(column[middle], middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A product of many shares can miss a round number by its rounding; 1e-10 is far below the step of any curve. */
export function reachable(goal: number): number {
  return goal * (1 + 1e-10) + 4e-16;
}
