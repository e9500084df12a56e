import { requireFinite } from "./errors.js";

/**
 * Quantiles of values in any order, definition 7 of Hyndman and Fan as {@link quantileSorted}, without sorting them. Many
 * values are counted by the upper bits of their doubles, which are in order, and only those whose bits the asked-for order
 * statistics have are looked at again, by Hoare's quickselect ("Algorithm 65: Find", CACM 4, 1961): linear time on
 * average. Without NaN, the result is that of sorting.
 * @param values in one piece or several
 * @param ps ascending, each in [0, 1]
 * @returns one entry for each of `ps`, undefined without values
 * @throws InputError when a `p` is outside [0, 1]
 * @example
 * ```ts
 * import { selectQuantiles } from "prefixlab/base";
 * selectQuantiles(Float64Array.of(48, 30, 36, 87), [0.5, 0.99]); // → [42, 85.83]
 * ```
 */
export function selectQuantiles(
  values: Float64Array | readonly Float64Array[],
  ps: readonly number[],
): (number | undefined)[] {
  for (const p of ps) requireFinite("selectQuantiles", "p", p, 0, 1);
  const pieces = values instanceof Float64Array ? [values] : values;
  const n = pieces.reduce((sum, { length }) => sum + length, 0);
  if (n === 0) return ps.map(() => undefined);
  const positions = ps.map((p) => (n - 1) * p);
  const near = nearRanks(pieces, n, positions);
  let from = 0;
  return positions.map((position) => {
    const rank = Math.floor(position);
    const below = rank - near.left(rank);
    select(near.values, below, from);
    from = below;
    const low = near.values[below];
    if (rank + 1 >= n) return low;
    // With all between them left out, the next rank is the least of what is behind.
    return low + (position - rank) * (least(near.values, below + 1) - low);
  });
}

/** Values of which some that nobody asks for are left out: all are in order where the rest is. */
interface NearRanks {
  /** Rearranged by who selects. */
  readonly values: Float64Array;
  /** How many were left out below a rank that is asked for. */
  readonly left: (rank: number) => number;
}

/** From so many values on counting them pays. */
const manyValues = 1 << 14;
/** Buckets of doubles: their sign, exponent and 6 bits of their mantissa, 64 to an octave. */
const bucketBits = 18;

/** The values in the buckets of the ranks at these positions, and of the ranks next to them. */
function nearRanks(pieces: readonly Float64Array[], n: number, positions: readonly number[]): NearRanks {
  if (n < manyValues) return { values: allOf(pieces, n), left: () => 0 };
  const counts = new Uint32Array(1 << bucketBits);
  for (const piece of pieces) for (let i = 0; i < piece.length; i++) counts[bucketOf(piece[i])]++;
  const ranks = positions.flatMap((position) => [
    Math.floor(position),
    Math.min(n - 1, Math.floor(position) + 1),
  ]);
  const isKept = new Uint8Array(counts.length);
  const leftBelow = new Map<number, number>();
  let next = 0;
  let before = 0;
  let left = 0;
  for (let bucket = 0; next < ranks.length; bucket++) {
    before += counts[bucket];
    if (ranks[next] >= before) {
      left += counts[bucket];
      continue;
    }
    isKept[bucket] = 1;
    while (next < ranks.length && ranks[next] < before) leftBelow.set(ranks[next++], left);
  }
  const values = new Float64Array(before - left);
  let at = 0;
  for (const piece of pieces)
    for (let i = 0; i < piece.length; i++) if (isKept[bucketOf(piece[i])] === 1) values[at++] = piece[i];
  return { values, left: (rank) => leftBelow.get(rank) as number };
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
double[0] = -0;
const upper = words[1] === 0 ? 0 : 1;

/** Ascends with the value. */
function bucketOf(value: number): number {
  double[0] = value;
  const bits = words[upper];
  return (bits >>> 31 === 1 ? ~bits >>> 0 : (bits | 0x80000000) >>> 0) >>> (32 - bucketBits);
}

function allOf(pieces: readonly Float64Array[], n: number): Float64Array {
  const all = new Float64Array(n);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
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
