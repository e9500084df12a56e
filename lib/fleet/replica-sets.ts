import type { Blocks } from "../base/index.js";

/** For each content id the set of replicas that have it: 32 replicas a word. */
export class ReplicaSets {
  /** Words a content. */
  readonly words: number;
  #bits: Int32Array;

  constructor(
    readonly replicas: number,
    contentCount = 1024,
  ) {
    this.words = (replicas + 31) >> 5;
    this.#bits = new Int32Array(Math.max(16, contentCount) * this.words);
  }

  has(contentId: number, replica: number): boolean {
    // Beyond the end there is nothing: undefined & mask is 0.
    return (this.#bits[contentId * this.words + (replica >> 5)] & (1 << (replica & 31))) !== 0;
  }

  isEmpty(contentId: number): boolean {
    const { words } = this;
    for (let at = contentId * words; at < (contentId + 1) * words; at++)
      if ((this.#bits[at] | 0) !== 0) return false;
    return true;
  }

  /** Writes for each replica how many of the first `length` contents of a chain it has, up to the first that it lacks. */
  depths(chain: Int32Array, length: Blocks, into: Int32Array): void {
    const { words, replicas } = this;
    const bits = this.#bits;
    for (let word = 0; word < words; word++) {
      const first = 32 * word;
      // Those that have all so far.
      let alive = replicas - first >= 32 ? -1 : (1 << (replicas - first)) - 1;
      let block = 0;
      for (; block < length && alive !== 0; block++) {
        const held = bits[chain[block] * words + word] & alive;
        markAll(alive ^ held, first, block, into);
        alive = held;
      }
      markAll(alive, first, length, into);
    }
  }

  add(contentId: number, replica: number): void {
    const at = contentId * this.words + (replica >> 5);
    if (at >= this.#bits.length) this.#grow(at);
    this.#bits[at] |= 1 << (replica & 31);
  }

  delete(contentId: number, replica: number): void {
    const at = contentId * this.words + (replica >> 5);
    if (at < this.#bits.length) this.#bits[at] &= ~(1 << (replica & 31));
  }

  /** Takes a replica out of all sets. */
  clear(replica: number): void {
    const keep = ~(1 << (replica & 31));
    for (let at = replica >> 5; at < this.#bits.length; at += this.words) this.#bits[at] &= keep;
  }

  #grow(at: number): void {
    const larger = new Int32Array(Math.max(at + this.words, 2 * this.#bits.length));
    larger.set(this.#bits);
    this.#bits = larger;
  }
}

/** Writes a value for each replica of a word's bits. */
function markAll(bits: number, first: number, value: number, into: Int32Array): void {
  for (let left = bits; left !== 0; left &= left - 1) into[first + 31 - Math.clz32(left & -left)] = value;
}
