import type { Blocks } from "../base/index.js";

/**
 * How large a pool must have been for a block to be in it still: the stack distances of Mattson, Gecsei, Slutz and Traiger
 * (1970), for a pool in which blocks that requests hold cannot be given up. As in vLLM's, the others are given up in the
 * order in which they were released, and a request's last block, which is not full, takes room while it runs and is the
 * first to be taken when it has ended. A block needs the most, over the time that it lies idle, of the blocks that are held
 * and of those released after it. Contents are dense ids.
 */
export class Recency {
  /** Of an idle content: when it was released. Of a held one, or one never used, -1. */
  readonly #stampOf: Int32Array;
  readonly #holders: Int32Array;
  #needs = new PeakCounter(1 << 12);
  #next = 0;
  #idle = 0;
  /** Blocks that are held, those that are not full included. */
  #held = 0;
  #peakHeldAndIdle = 0;

  constructor(contentCount: number) {
    this.#stampOf = new Int32Array(contentCount).fill(-1);
    this.#holders = new Int32Array(contentCount);
  }

  /** Blocks of a pool that never had to give one up. */
  get peak(): Blocks {
    return this.#peakHeldAndIdle;
  }

  /** Blocks that a pool needed to hold this content until now, itself included; 0 while a request holds it. */
  distance(content: number): Blocks {
    const stamp = this.#stampOf[content];
    return stamp < 0 ? 0 : this.#needs.peakAt(stamp);
  }

  /** One more request holds it. */
  hold(content: number): void {
    if (this.#holders[content]++ > 0) return;
    const stamp = this.#stampOf[content];
    this.#stampOf[content] = -1;
    if (stamp >= 0) this.#idle--;
    this.#hold(stamp + 1, 1);
  }

  /** A request holds a block that is not full, or gives it back (-1). */
  holdBlank(count: 1 | -1): void {
    this.#hold(0, count);
  }

  /** A request that held it gives it back. */
  release(content: number): void {
    if (--this.#holders[content] > 0) return;
    if (this.#next === this.#needs.size) this.#compact();
    this.#held--;
    this.#idle++;
    this.#stampOf[content] = this.#next;
    this.#needs.set(this.#next++, this.#held + 1);
  }

  /** `count` more are held; those released before stamp `from` counted this one already. */
  #hold(from: number, count: number): void {
    this.#held += count;
    this.#peakHeldAndIdle = Math.max(this.#peakHeldAndIdle, this.#held + this.#idle);
    this.#needs.add(from, count);
  }

  /** Gives the idle contents new stamps without gaps, and room for as many again. */
  #compact(): void {
    const contents: number[] = [];
    for (let content = 0; content < this.#stampOf.length; content++)
      if (this.#stampOf[content] >= 0) contents.push(content);
    contents.sort((a, b) => this.#stampOf[a] - this.#stampOf[b]);
    const needs = new PeakCounter(2 * contents.length + (1 << 12));
    contents.forEach((content, stamp) => {
      const old = this.#stampOf[content];
      needs.set(stamp, this.#needs.valueAt(old), this.#needs.peakAt(old));
      this.#stampOf[content] = stamp;
    });
    this.#needs = needs;
    this.#next = contents.length;
  }
}

/**
 * Numbers to whose ends something is added, and the largest that each has been: a segment tree whose nodes keep what is
 * still to be added below them, and the largest sum that it came to on the way. Every operation is O(log n).
 */
class PeakCounter {
  readonly size: number;
  readonly #leaves: number;
  readonly #sum: Int32Array;
  readonly #peak: Int32Array;

  constructor(atLeast: number) {
    this.size = 2 ** Math.ceil(Math.log2(Math.max(2, atLeast)));
    this.#leaves = this.size;
    this.#sum = new Int32Array(2 * this.size);
    this.#peak = new Int32Array(2 * this.size);
  }

  set(at: number, value: number, peak = value): void {
    this.#pushTo(at);
    this.#sum[this.#leaves + at] = value;
    this.#peak[this.#leaves + at] = peak;
  }

  valueAt(at: number): number {
    this.#pushTo(at);
    return this.#sum[this.#leaves + at];
  }

  peakAt(at: number): number {
    this.#pushTo(at);
    return this.#peak[this.#leaves + at];
  }

  /** Adds to every number from `from` on. */
  add(from: number, count: number): void {
    if (from >= this.size) return;
    this.#pushTo(from);
    // The right siblings on the way up cover all numbers behind; with the leaf itself they are the range.
    let node = this.#leaves + from;
    this.#apply(node, count, count);
    for (; node > 1; node >>= 1) if ((node & 1) === 0) this.#apply(node + 1, count, count);
  }

  /** Leaves nothing to be added above a leaf. */
  #pushTo(at: number): void {
    const leaf = this.#leaves + at;
    for (let shift = 31 - Math.clz32(this.#leaves); shift > 0; shift--) {
      const node = leaf >> shift;
      const sum = this.#sum[node];
      const peak = this.#peak[node];
      if (sum === 0 && peak === 0) continue;
      this.#apply(2 * node, sum, peak);
      this.#apply(2 * node + 1, sum, peak);
      this.#sum[node] = 0;
      this.#peak[node] = 0;
    }
  }

  #apply(node: number, sum: number, peak: number): void {
    const reached = this.#sum[node] + peak;
    if (reached > this.#peak[node]) this.#peak[node] = reached;
    this.#sum[node] += sum;
  }
}
