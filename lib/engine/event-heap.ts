/**
 * A binary min-heap of (key, value) pairs: what comes next in time. Ties leave in the order they entered, so that
 * a run does not depend on the heap's shape.
 */
export class EventHeap {
  #keys: Float64Array = new Float64Array(64);
  #sequence: Float64Array = new Float64Array(64);
  #values: Int32Array = new Int32Array(64);
  #length = 0;
  #entered = 0;

  get length(): number {
    return this.#length;
  }

  /** The smallest key, or Infinity when empty. */
  get nextKey(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : this.#keys[0];
  }

  push(key: number, value: number): void {
    if (this.#length === this.#keys.length) this.#grow();
    const sequence = this.#entered++;
    let hole = this.#length++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (this.#keys[parent] <= key) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#keys[hole] = key;
    this.#sequence[hole] = sequence;
    this.#values[hole] = value;
  }

  /** Takes out the value with the smallest key; the heap must not be empty. */
  pop(): number {
    const top = this.#values[0];
    const last = --this.#length;
    if (last === 0) return top;
    const key = this.#keys[last];
    const sequence = this.#sequence[last];
    const value = this.#values[last];
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#before(child + 1, child)) child++;
      const childKey = this.#keys[child];
      if (childKey > key || (childKey === key && this.#sequence[child] > sequence)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#keys[hole] = key;
    this.#sequence[hole] = sequence;
    this.#values[hole] = value;
    return top;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#keys[a] - this.#keys[b];
    return difference < 0 || (difference === 0 && this.#sequence[a] < this.#sequence[b]);
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from];
    this.#sequence[to] = this.#sequence[from];
    this.#values[to] = this.#values[from];
  }

  #grow(): void {
    const size = this.#keys.length * 2;
    const keys = new Float64Array(size);
    const sequence = new Float64Array(size);
    const values = new Int32Array(size);
    keys.set(this.#keys);
    sequence.set(this.#sequence);
    values.set(this.#values);
    this.#keys = keys;
    this.#sequence = sequence;
    this.#values = values;
  }
}
