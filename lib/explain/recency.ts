import type { Blocks } from "../base/index.js";

/** Places in the state of a content, after who holds it. */
const RELEASE = 1;
const NEEDED = 2;
const STRIDE = 3;

/**
 * How large a pool must have been for a block to be in it still: the stack distances of Mattson, Gecsei, Slutz and Traiger
 * (1970), for a pool in which blocks that requests hold cannot be given up. As in vLLM's, the others are given up in the
 * order in which they were released, and a request's last block, which is not full, takes room while it runs and is the
 * first to be taken when it has ended. A block needs the most, over the time that it lies idle, of the blocks that are held
 * and of those released after it. Contents are dense ids.
 *
 * A request releases its chain at once, and whoever holds a block of it holds all before that one: so what is still idle of
 * a chain is its end, whatever happens is the same for all of that, and a number is kept a release, not a block.
 */
export class Recency {
  /**
   * Of each content, side by side in memory: who holds it; and of an idle one the release that it was part of (-1 of a held
   * one, or one never used), and what it needed when it was released.
   */
  readonly #state: Int32Array;
  /** Of each release: by how much the need of its blocks has grown since. */
  readonly #growth: PeakCounter;
  #releases = 0;
  #idle = 0;
  /** Blocks that are held, those that are not full included. */
  #held = 0;
  #peakHeldAndIdle = 0;
  #askedRelease = -1;
  #askedPeak = 0;

  /** @param releaseCount how many times {@link Recency.release} will be called at most */
  constructor(contentCount: number, releaseCount: number) {
    this.#state = new Int32Array(STRIDE * contentCount);
    for (let at = RELEASE; at < this.#state.length; at += STRIDE) this.#state[at] = -1;
    this.#growth = new PeakCounter(releaseCount);
  }

  /** Blocks of a pool that never had to give one up. */
  get peak(): Blocks {
    return this.#peakHeldAndIdle;
  }

  isHeld(content: number): boolean {
    return this.#state[STRIDE * content] > 0;
  }

  /** Blocks that a pool needed to hold this content until now, itself included; 0 while a request holds it. */
  distance(content: number): Blocks {
    const release = this.#state[STRIDE * content + RELEASE];
    if (release < 0) return 0;
    if (release !== this.#askedRelease) {
      this.#askedRelease = release;
      this.#askedPeak = this.#growth.peakAt(release);
    }
    return this.#state[STRIDE * content + NEEDED] + this.#askedPeak;
  }

  /** One more request holds the blocks of a chain from index `from` up to, not including, `to`. */
  hold(ids: Int32Array, from: number, to: number): void {
    const state = this.#state;
    let fresh = 0;
    let run = 0;
    let runOf = -1;
    let taken = 0;
    for (let k = from; k < to; k++) {
      const at = STRIDE * ids[k];
      if (state[at]++ > 0) continue;
      const release = state[at + RELEASE];
      if (release < 0) fresh++;
      else {
        state[at + RELEASE] = -1;
        taken++;
        if (release !== runOf) {
          // Those released before counted these already.
          this.#grow(runOf + 1, run);
          run = 0;
          runOf = release;
        }
        run++;
      }
    }
    this.#grow(runOf + 1, run);
    this.#grow(0, fresh);
    this.#idle -= taken;
    this.#held += taken + fresh;
    this.#keepPeak();
  }

  /** A request holds a block that is not full, or gives it back (-1). */
  holdBlank(count: 1 | -1): void {
    this.#held += count;
    this.#grow(0, count);
    this.#keepPeak();
  }

  /** A request gives back the first `count` blocks of its chain, the last of them first. */
  release(ids: Int32Array, count: Blocks): void {
    const release = this.#releases++;
    this.#askedRelease = -1;
    const state = this.#state;
    let held = this.#held;
    for (let k = count - 1; k >= 0; k--) {
      const at = STRIDE * ids[k];
      if (--state[at] > 0) continue;
      held--;
      state[at + RELEASE] = release;
      state[at + NEEDED] = held + 1;
    }
    this.#idle += this.#held - held;
    this.#held = held;
  }

  /** What was released from `release` on needs so many blocks more. */
  #grow(release: number, blocks: Blocks): void {
    if (blocks === 0) return;
    this.#askedRelease = -1;
    this.#growth.add(release, this.#releases, blocks);
  }

  #keepPeak(): void {
    this.#peakHeldAndIdle = Math.max(this.#peakHeldAndIdle, this.#held + this.#idle);
  }
}

/**
 * Numbers, all 0 at first, to ranges of which something is added, and the largest that each has been: a segment tree whose
 * nodes keep what is still to be added below them, and the largest sum that it came to on the way. O(log n) each.
 */
class PeakCounter {
  readonly #leaves: number;
  readonly #depth: number;
  readonly #sum: Int32Array;
  readonly #peak: Int32Array;

  constructor(size: number) {
    this.#depth = Math.max(1, Math.ceil(Math.log2(Math.max(2, size))));
    this.#leaves = 2 ** this.#depth;
    this.#sum = new Int32Array(2 * this.#leaves);
    this.#peak = new Int32Array(2 * this.#leaves);
  }

  peakAt(at: number): number {
    this.#pushTo(this.#leaves + at);
    return this.#peak[this.#leaves + at];
  }

  /** Adds to every number from `from` up to, not including, `to`. */
  add(from: number, to: number, count: number): void {
    if (from >= to) return;
    let left = this.#leaves + from;
    let right = this.#leaves + to;
    this.#pushTo(left);
    this.#pushTo(right - 1);
    for (; left < right; left >>= 1, right >>= 1) {
      if (left & 1) this.#apply(left++, count, count);
      if (right & 1) this.#apply(--right, count, count);
    }
  }

  /** Leaves nothing to be added above a leaf. */
  #pushTo(leaf: number): void {
    for (let shift = this.#depth; shift > 0; shift--) {
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
