/**
 * A min-heap of small whole numbers by two keys, the second deciding between equal firsts; any of them can be taken out.
 * O(log n) to add and to take out, typed columns that grow with the largest number.
 * @example
 * ```ts
 * import { IndexedHeap } from "prefixlab/base";
 * const heap = new IndexedHeap();
 * heap.add(7, 1, 0);
 * heap.add(3, 0, 0);
 * heap.remove(3);
 * heap.first; // → 7
 * ```
 */
export class IndexedHeap {
  #items: Int32Array = new Int32Array(64);
  /** By item: its place in the heap plus 1; 0 where it is not in it. */
  #places: Int32Array = new Int32Array(64);
  #first: Float64Array = new Float64Array(64);
  #second: Float64Array = new Float64Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The item with the smallest keys, -1 when there is none. */
  get first(): number {
    return this.#length === 0 ? -1 : this.#items[0];
  }

  has(item: number): boolean {
    return item < this.#places.length && this.#places[item] > 0;
  }

  /** Adds an item that is not there. */
  add(item: number, first: number, second: number): void {
    if (item >= this.#places.length) this.#grow(item + 1);
    this.#first[item] = first;
    this.#second[item] = second;
    this.#rise(this.#length++, item);
  }

  /** Takes an item out; nothing happens when it is not there. */
  remove(item: number): void {
    if (!this.has(item)) return;
    const place = this.#places[item] - 1;
    this.#places[item] = 0;
    const last = this.#items[--this.#length];
    if (last === item) return;
    const above = (place - 1) >> 1;
    if (place > 0 && this.#before(last, this.#items[above])) this.#rise(place, last);
    else this.#sink(place, last);
  }

  #rise(from: number, item: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#before(item, this.#items[above])) break;
      this.#put(place, this.#items[above]);
      place = above;
    }
    this.#put(place, item);
  }

  #sink(from: number, item: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= this.#length) break;
      if (below + 1 < this.#length && this.#before(this.#items[below + 1], this.#items[below])) below++;
      if (!this.#before(this.#items[below], item)) break;
      this.#put(place, this.#items[below]);
      place = below;
    }
    this.#put(place, item);
  }

  #before(a: number, b: number): boolean {
    const difference = this.#first[a] - this.#first[b];
    return difference < 0 || (difference === 0 && this.#second[a] < this.#second[b]);
  }

  #put(place: number, item: number): void {
    this.#items[place] = item;
    this.#places[item] = place + 1;
  }

  #grow(needed: number): void {
    const size = Math.max(needed, 2 * this.#places.length);
    const grown = <T extends Int32Array | Float64Array>(larger: T, column: T): T => {
      larger.set(column);
      return larger;
    };
    this.#items = grown(new Int32Array(size), this.#items);
    this.#places = grown(new Int32Array(size), this.#places);
    this.#first = grown(new Float64Array(size), this.#first);
    this.#second = grown(new Float64Array(size), this.#second);
  }
}
