/**
 * A min-queue of (key, value) pairs: what comes next in time. Ties leave in the order they entered.
 *
 * What enters in order of keys waits in a list, which costs nothing however long it is; what enters before the last of that
 * list waits in a binary heap beside it.
 */
export class EventHeap {
  readonly #listed = new Events();
  /** Of those listed, the first that has not left. */
  #first = 0;
  readonly #heap = new Events();
  #entered = 0;

  get length(): number {
    return this.#listed.length - this.#first + this.#heap.length;
  }

  /** The smallest key, or Infinity when empty. */
  get nextKey(): number {
    const listedKey =
      this.#first < this.#listed.length ? this.#listed.keys[this.#first] : Number.POSITIVE_INFINITY;
    return this.#heap.length > 0 && this.#heap.keys[0] < listedKey ? this.#heap.keys[0] : listedKey;
  }

  push(key: number, value: number): void {
    const listed = this.#listed;
    const sequence = this.#entered++;
    if (this.#first === listed.length) {
      this.#first = 0;
      listed.length = 0;
    }
    if (listed.length === 0 || key >= listed.keys[listed.length - 1]) {
      if (listed.length === listed.keys.length && this.#first > listed.length / 2) this.#closeUp();
      listed.put(listed.grownLength(), key, sequence, value);
      return;
    }
    const heap = this.#heap;
    let hole = heap.grownLength();
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap.keys[parent] <= key) break;
      heap.move(parent, hole);
      hole = parent;
    }
    heap.put(hole, key, sequence, value);
  }

  /** Takes out the value with the smallest key; there must be one. */
  pop(): number {
    const listed = this.#listed;
    const heap = this.#heap;
    if (heap.length === 0) return listed.values[this.#first++];
    if (this.#first < listed.length && listed.isBefore(this.#first, heap, 0))
      return listed.values[this.#first++];
    const top = heap.values[0];
    const last = --heap.length;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      if (child + 1 < last && heap.isBefore(child + 1, heap, child)) child++;
      if (!heap.isBefore(child, heap, last)) break;
      heap.move(child, hole);
      hole = child;
    }
    heap.move(last, hole);
    return top;
  }

  /** Takes out all entries of a value; others stay in order. Goes through the whole queue. */
  remove(value: number): void {
    const kept: [key: number, value: number][] = [];
    while (this.length > 0) {
      const key = this.nextKey;
      const entry = this.pop();
      if (entry !== value) kept.push([key, entry]);
    }
    for (const [key, entry] of kept) this.push(key, entry);
  }

  /** Moves those listed that have not left to the front of the list. */
  #closeUp(): void {
    const listed = this.#listed;
    listed.keys.copyWithin(0, this.#first, listed.length);
    listed.sequence.copyWithin(0, this.#first, listed.length);
    listed.values.copyWithin(0, this.#first, listed.length);
    listed.length -= this.#first;
    this.#first = 0;
  }
}

/** Keys, what number in order of entering each has, and values: growable columns. */
class Events {
  keys: Float64Array = new Float64Array(64);
  sequence: Float64Array = new Float64Array(64);
  values: Int32Array = new Int32Array(64);
  length = 0;

  /** Makes room for one more, and returns its place. */
  grownLength(): number {
    if (this.length === this.keys.length) this.#grow();
    return this.length++;
  }

  put(at: number, key: number, sequence: number, value: number): void {
    this.keys[at] = key;
    this.sequence[at] = sequence;
    this.values[at] = value;
  }

  move(from: number, to: number): void {
    this.keys[to] = this.keys[from];
    this.sequence[to] = this.sequence[from];
    this.values[to] = this.values[from];
  }

  /** Whether the one at a place leaves before the one at another place of another's. */
  isBefore(a: number, other: Events, b: number): boolean {
    const keyA = this.keys[a];
    const keyB = other.keys[b];
    return keyA < keyB || (keyA === keyB && this.sequence[a] < other.sequence[b]);
  }

  #grow(): void {
    const size = this.keys.length * 2;
    const keys = new Float64Array(size);
    const sequence = new Float64Array(size);
    const values = new Int32Array(size);
    keys.set(this.keys);
    sequence.set(this.sequence);
    values.set(this.values);
    this.keys = keys;
    this.sequence = sequence;
    this.values = values;
  }
}
