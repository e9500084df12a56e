/** For each content id the set of replicas that have it: 32 replicas a word. */
export class ReplicaSets {
  /** Words a content. */
  readonly words: number;
  #bits: Int32Array;

  constructor(replicas: number, contentCount = 1024) {
    this.words = (replicas + 31) >> 5;
    this.#bits = new Int32Array(Math.max(16, contentCount) * this.words);
  }

  has(contentId: number, replica: number): boolean {
    // Beyond the end there is nothing: undefined & mask is 0.
    return (this.#bits[contentId * this.words + (replica >> 5)] & (1 << (replica & 31))) !== 0;
  }

  /** 32 of the replicas that have a content, as bits. */
  word(contentId: number, word: number): number {
    return this.#bits[contentId * this.words + word] | 0;
  }

  isEmpty(contentId: number): boolean {
    for (let word = 0; word < this.words; word++) if (this.word(contentId, word) !== 0) return false;
    return true;
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
