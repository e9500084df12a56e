/** A run of so many is put in order one by one, a longer one by the engine's sort. */
const shortRun = 32;

/**
 * Requests by a time of each, those of one time in the order given: as many equal stretches of time as there are requests, then what
 * falls into each. Linear where times are spread evenly, which is several times as fast as a sort by comparison.
 */
export function byTime(requests: Int32Array, timeMs: Float64Array): Int32Array {
  const count = requests.length;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) {
    firstMs = Math.min(firstMs, timeMs[requests[k]]);
    lastMs = Math.max(lastMs, timeMs[requests[k]]);
  }
  const perMs = (count - 1) / (lastMs - firstMs);
  const scale = Number.isFinite(perMs) ? perMs : 0;
  const stretchOf = (request: number): number => Math.floor((timeMs[request] - firstMs) * scale);
  const ends = new Int32Array(count + 1);
  for (let k = 0; k < count; k++) ends[stretchOf(requests[k]) + 1]++;
  for (let s = 0; s < count; s++) ends[s + 1] += ends[s];
  const sorted = new Int32Array(count);
  for (let k = 0; k < count; k++) sorted[ends[stretchOf(requests[k])]++] = requests[k];
  for (let s = 0, from = 0; s < count; from = ends[s++]) sortRun(sorted, timeMs, from, ends[s]);
  return sorted;
}

function sortRun(sorted: Int32Array, timeMs: Float64Array, from: number, to: number): void {
  if (to - from > shortRun) {
    sorted.subarray(from, to).sort((a, b) => timeMs[a] - timeMs[b]);
    return;
  }
  for (let k = from + 1; k < to; k++) {
    const request = sorted[k];
    let at = k;
    for (; at > from && timeMs[sorted[at - 1]] > timeMs[request]; at--) sorted[at] = sorted[at - 1];
    sorted[at] = request;
  }
}
