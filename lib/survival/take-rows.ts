import type { Observations } from "./observations.js";

/** The observations at the given row indices, in that order; an index may repeat. For resampling. */
export function takeRows({ times, observed, entry, weights }: Observations, rows: Int32Array): Observations {
  const pick = (column: ArrayLike<number>): Float64Array => {
    const picked = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) picked[i] = column[rows[i]!]!;
    return picked;
  };
  return {
    times: pick(times),
    ...(observed && { observed: Uint8Array.from(rows, (row) => (observed[row] ? 1 : 0)) }),
    ...(entry && { entry: pick(entry) }),
    ...(weights && { weights: pick(weights) }),
  };
}
