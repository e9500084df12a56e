import type { Observations } from "../../../lib/survival/index.js";

/** The observations at the given row indices, in that order; an index may repeat. For resampling. */
export function takeRows({ times, observed, entry, weights }: Observations, rows: Int32Array): Observations {
  const pick = (column: ArrayLike<number>): Float64Array => {
    const picked = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) picked[i] = column[rows[i]];
    return picked;
  };
  return {
    times: pick(times),
    ...(observed && { observed: pickFlags(observed, rows) }),
    ...(entry && { entry: pick(entry) }),
    ...(weights && { weights: pick(weights) }),
  };
}

function pickFlags(observed: readonly boolean[] | Uint8Array, rows: Int32Array): Uint8Array {
  const picked = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = observed[rows[i]] ? 1 : 0;
  return picked;
}
