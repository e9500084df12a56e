const chunkInts = 1 << 14;
const chunkDoubles = 1 << 13;

/**
 * Copies short arrays into shared buffers of 64 KB: a typed array with a buffer of its own costs some 300 bytes and
 * a trip to the allocator, more than a short chain holds.
 */
export class ArrayArena {
  #ints = new Int32Array(0);
  #intsUsed = 0;
  #doubles = new Float64Array(0);
  #doublesUsed = 0;

  /** Room for `length` integers, zero, in a view of its own. */
  ints(length: number): Int32Array {
    if (length > chunkInts >> 2) return new Int32Array(length);
    if (this.#intsUsed + length > this.#ints.length) {
      this.#ints = new Int32Array(chunkInts);
      this.#intsUsed = 0;
    }
    const view = new Int32Array(this.#ints.buffer, this.#intsUsed * 4, length);
    this.#intsUsed += length;
    return view;
  }

  /** A copy of the first `length` integers. */
  copyInts(values: Int32Array, length: number): Int32Array {
    const view = this.ints(length);
    for (let i = 0; i < length; i++) view[i] = values[i];
    return view;
  }

  /** A copy of the first `length` doubles. */
  copyDoubles(values: Float64Array, length: number): Float64Array {
    if (length > chunkDoubles >> 2) return values.slice(0, length);
    if (this.#doublesUsed + length > this.#doubles.length) {
      this.#doubles = new Float64Array(chunkDoubles);
      this.#doublesUsed = 0;
    }
    const view = new Float64Array(this.#doubles.buffer, this.#doublesUsed * 8, length);
    for (let i = 0; i < length; i++) view[i] = values[i];
    this.#doublesUsed += length;
    return view;
  }
}
