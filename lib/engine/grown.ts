/** A longer copy of a column, zero beyond what it held. */
export function grown(column: Int32Array, size: number): Int32Array {
  const larger = new Int32Array(size);
  larger.set(column);
  return larger;
}
