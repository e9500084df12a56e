/** A column with room for at least `length` entries: twice as long as before, zero beyond what it held. */
export function grownTo(column: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(Math.max(length, 2 * column.length));
  larger.set(column);
  return larger;
}
