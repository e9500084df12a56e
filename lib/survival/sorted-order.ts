const digitBits = 11;
const digits = 6;
const smallest = 256;

/**
 * The order that sorts non-negative finite numbers ascending; equal numbers keep their order. For columns that must
 * follow the times. A radix sort on the bits: a non-negative double sorts as its bit pattern does.
 * @returns indices into `values`
 */
export function sortedOrder(values: ArrayLike<number>): Uint32Array {
  const n = values.length;
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  if (n < smallest) return order.sort((a, b) => values[a] - values[b] || a - b);

  const keys = new Float64Array(n);
  for (let i = 0; i < n; i++) keys[i] = values[i] + 0;
  const words = new Uint32Array(keys.buffer);
  const highFirst = new Uint8Array(new Uint32Array([1]).buffer)[0] === 0 ? 1 : 0;
  const mask = (1 << digitBits) - 1;
  const starts = new Uint32Array(1 << digitBits);
  let from = order;
  let to = new Uint32Array(n);
  for (let digit = 0; digit < digits; digit++) {
    const shift = digit * digitBits;
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[digitOf(words, i, shift, highFirst) & mask]++;
    let sum = 0;
    let crowded = false;
    for (let d = 0; d <= mask; d++) {
      const count = starts[d];
      crowded ||= count === n;
      starts[d] = sum;
      sum += count;
    }
    if (crowded) continue;
    for (let i = 0; i < n; i++) {
      const row = from[i];
      to[starts[digitOf(words, row, shift, highFirst) & mask]++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

function digitOf(words: Uint32Array, row: number, shift: number, highFirst: number): number {
  const low = words[2 * row + highFirst];
  const high = words[2 * row + 1 - highFirst];
  if (shift >= 32) return high >>> (shift - 32);
  return shift + digitBits <= 32 ? low >>> shift : (low >>> shift) | (high << (32 - shift));
}
