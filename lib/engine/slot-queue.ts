/** A queue of small integers that also takes back at its front: the waiting requests. A ring in one Int32Array. */
export class SlotQueue {
  #ring: Int32Array = new Int32Array(64);
  #start = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The front, or -1 when empty. */
  peek(): number {
    return this.#length === 0 ? -1 : this.#ring[this.#start];
  }

  push(slot: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#start + this.#length++) & (this.#ring.length - 1)] = slot;
  }

  pushFront(slot: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#start = (this.#start - 1) & (this.#ring.length - 1);
    this.#ring[this.#start] = slot;
    this.#length++;
  }

  /** Takes a slot out wherever it is: O(1) at the front, else O(length). */
  remove(slot: number): boolean {
    const mask = this.#ring.length - 1;
    if (this.peek() === slot) {
      this.#start = (this.#start + 1) & mask;
      this.#length--;
      return true;
    }
    for (let i = 0; i < this.#length; i++) {
      if (this.#ring[(this.#start + i) & mask] !== slot) continue;
      for (let j = i; j + 1 < this.#length; j++) {
        this.#ring[(this.#start + j) & mask] = this.#ring[(this.#start + j + 1) & mask];
      }
      this.#length--;
      return true;
    }
    return false;
  }

  #grow(): void {
    const larger = new Int32Array(this.#ring.length * 2);
    for (let i = 0; i < this.#length; i++)
      larger[i] = this.#ring[(this.#start + i) & (this.#ring.length - 1)];
    this.#ring = larger;
    this.#start = 0;
  }
}
