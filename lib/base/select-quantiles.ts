import { requireFinite } from "./errors.js";

/**
 * Quantiles of values in any order, definition 7 of Hyndman and Fan as {@link quantileSorted}, without sorting them: in linear
 * time on average. Of many values, a sample says between which two each order statistic lies, as in Floyd and Rivest's
 * SELECT ("Expected time bounds for selection", CACM 18, 1975), and one pass counts those outside and keeps those between;
 * of these it is taken by Hoare's quickselect ("Algorithm 65: Find", CACM 4, 1961). Without NaN, the result is that of sorting.
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
  const next = (rank: number): number => Math.min(n - 1, rank + 1);
  const ranks = [...new Set(positions.flatMap((at) => [Math.floor(at), next(Math.floor(at))]))];
  const statistics = orderStatistics(pieces, n, ranks);
  return positions.map((at) => {
    const rank = Math.floor(at);
    const low = statistics.get(rank) as number;
    return rank + 1 >= n ? low : low + (at - rank) * ((statistics.get(rank + 1) as number) - low);
  });
}

/** From so many values on a sample of so many pays. */
const manyValues = 1 << 14;
const sampleSize = 1 << 12;
/** Places in the sample by which an order statistic may be off: more than five standard deviations. */
const margin = 160;

/** @param ranks ascending, from 0 */
function orderStatistics(
  pieces: readonly Float64Array[],
  n: number,
  ranks: readonly number[],
): Map<number, number> {
  const found = n < manyValues ? undefined : withSample(pieces, n, ranks);
  if (found) return found;
  const all = new Float64Array(n);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return new Map(ranks.map((rank, k) => [rank, selected(all, rank, ranks[k - 1] ?? 0)]));
}

/** Where ranks lie, apart from each other and ascending; the last one's `high` is Infinity. */
interface Ranges {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** Undefined where the sample misled. */
function withSample(
  pieces: readonly Float64Array[],
  n: number,
  ranks: readonly number[],
): Map<number, number> | undefined {
  const { low, high } = rangesOf(sampleOf(pieces, n), n, ranks);
  // Of the values between the range before and this one, and of those alike at an end, the number is enough.
  const [below, atLow, atHigh] = [
    new Int32Array(low.length),
    new Int32Array(low.length),
    new Int32Array(low.length),
  ];
  const inside = Array.from(low, (): number[] => []);
  for (const piece of pieces)
    for (let i = 0; i < piece.length; i++) {
      const value = piece[i];
      let k = 0;
      while (value > high[k]) k++;
      if (value < low[k]) below[k]++;
      else if (value === low[k]) atLow[k]++;
      else if (value === high[k]) atHigh[k]++;
      else inside[k].push(value);
    }
  const found = new Map<number, number>();
  let before = 0;
  for (let k = 0; k < low.length; k++) {
    const values = Float64Array.from(inside[k]);
    const first = before + below[k];
    const firstInside = first + atLow[k];
    const firstHigh = firstInside + values.length;
    before = firstHigh + atHigh[k];
    let from = 0;
    for (const rank of ranks) {
      if (rank < first || rank >= before) continue;
      if (rank < firstInside) found.set(rank, low[k]);
      else if (rank >= firstHigh) found.set(rank, high[k]);
      else {
        found.set(rank, selected(values, rank - firstInside, from));
        from = rank - firstInside;
      }
    }
  }
  return found.size === ranks.length ? found : undefined;
}

function rangesOf(sample: Float64Array, n: number, ranks: readonly number[]): Ranges {
  const [low, high]: [number[], number[]] = [[], []];
  for (const rank of ranks) {
    const about = Math.floor((rank / n) * sample.length);
    const from = about < margin ? Number.NEGATIVE_INFINITY : sample[about - margin];
    const to = about + margin >= sample.length ? Number.POSITIVE_INFINITY : sample[about + margin];
    if (high.length === 0 || from > high[high.length - 1]) low.push(from);
    else high.pop();
    high.push(to);
  }
  if (high.at(-1) !== Number.POSITIVE_INFINITY) {
    low.push(Number.POSITIVE_INFINITY);
    high.push(Number.POSITIVE_INFINITY);
  }
  return { low: Float64Array.from(low), high: Float64Array.from(high) };
}

function sampleOf(pieces: readonly Float64Array[], n: number): Float64Array {
  const sample = new Float64Array(sampleSize);
  let taken = 0;
  let at = 0;
  let before = 0;
  for (const piece of pieces) {
    for (; taken < sampleSize && at < before + piece.length; at = Math.floor((++taken * n) / sampleSize))
      sample[taken] = piece[at - before];
    before += piece.length;
  }
  return sample.sort();
}

/** The k-th smallest, put in its place: none before it is larger, none after it smaller. All before `from` are. */
function selected(values: Float64Array, k: number, from: number): number {
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
    else break;
  }
  return values[k];
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
