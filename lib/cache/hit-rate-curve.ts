import { type Blocks, InputError } from "../base/index.js";

/** A request as the cache sees it: the blocks it looks up, then those its answer adds. */
export interface BlockAccess {
  /** Content ids of the full blocks of prompt and answer, from the prompt's start. */
  readonly contentIds: Int32Array;
  /** How many of them belong to the prompt, and are looked up. */
  readonly promptBlocks: Blocks;
}

/** Hits of an LRU cache of every size at once. */
export interface HitRateCurve {
  /** Prompt blocks looked up. */
  readonly lookups: number;
  /** Lookups of blocks never seen before: misses at any size. */
  readonly compulsoryMisses: number;
  /** `hitsAtDistance[d]`: lookups that hit in a cache of d blocks or more, and miss in a smaller one. */
  readonly hitsAtDistance: Float64Array;
  /** Lookups that hit in a pool of this many blocks. */
  hits(poolBlocks: Blocks): number;
  /** The smallest pool in which every lookup hits that can hit at all. */
  readonly saturationBlocks: Blocks;
}

/**
 * Hits against pool size for all sizes in one pass: Mattson's stack distances (Mattson, Gecsei, Slutz and Traiger 1970)
 * over block chains, with a Fenwick tree over access times, O(N log N) for N block accesses.
 *
 * Requests are taken one after another. Afterwards a request's first block is its most recent and its last the oldest,
 * as the block pool frees them; so a cached block's predecessors are cached too, and "longest leading run" is the same
 * as counting single blocks. Exact for an LRU pool that holds full blocks of one request at a time.
 *
 * @param onHit called for each lookup of a block seen before, with its request's position and the size from which it hits
 * @throws InputError when a request has more prompt blocks than content ids
 * @example
 * ```ts
 * import { hitRateCurve } from "prefixlab";
 * const chain = Int32Array.of(0, 1, 2);
 * const curve = hitRateCurve([
 *   { contentIds: chain, promptBlocks: 2 },
 *   { contentIds: chain, promptBlocks: 3 },
 * ]);
 * [curve.hits(2), curve.hits(3), curve.compulsoryMisses]; // → [2, 3, 2]
 * ```
 */
export function hitRateCurve(
  accesses: Iterable<BlockAccess>,
  contentCount = 1024,
  onHit?: (request: number, distance: Blocks) => void,
): HitRateCurve {
  const lastStamp = new GrowingStamps(contentCount);
  const recency = new StampCounter();
  let lookups = 0;
  let compulsoryMisses = 0;
  let histogram: Float64Array = new Float64Array(1024);
  let saturationBlocks = 0;
  let request = -1;
  for (const { contentIds, promptBlocks } of accesses) {
    if (promptBlocks > contentIds.length)
      throw new InputError(
        `hitRateCurve: ${promptBlocks} prompt blocks but ${contentIds.length} content ids`,
      );
    lookups += promptBlocks;
    request++;
    for (let i = 0; i < promptBlocks; i++) {
      const stamp = lastStamp.get(contentIds[i]);
      if (stamp < 0) {
        compulsoryMisses++;
        continue;
      }
      const distance = recency.countFrom(stamp);
      if (distance >= histogram.length) histogram = grown(histogram, distance);
      histogram[distance]++;
      onHit?.(request, distance);
      if (distance > saturationBlocks) saturationBlocks = distance;
    }
    for (let i = contentIds.length - 1; i >= 0; i--) {
      const id = contentIds[i];
      const stamp = lastStamp.get(id);
      if (stamp >= 0) recency.remove(stamp);
      lastStamp.set(id, recency.add());
    }
  }
  const hitsAtDistance = histogram.slice(0, saturationBlocks + 1);
  const cumulative = new Float64Array(hitsAtDistance.length);
  let sum = 0;
  hitsAtDistance.forEach((hits, d) => {
    sum += hits;
    cumulative[d] = sum;
  });
  return {
    lookups,
    compulsoryMisses,
    hitsAtDistance,
    saturationBlocks,
    hits: (poolBlocks) => cumulative[Math.min(Math.max(0, Math.floor(poolBlocks)), cumulative.length - 1)],
  };
}

/** The time of each content's last access; -1 before the first. */
class GrowingStamps {
  #stamps: Int32Array;

  constructor(size: number) {
    this.#stamps = new Int32Array(Math.max(16, size)).fill(-1);
  }

  get(id: number): number {
    return id < this.#stamps.length ? this.#stamps[id] : -1;
  }

  set(id: number, stamp: number): void {
    if (id >= this.#stamps.length) {
      const larger = new Int32Array(Math.max(id + 1, 2 * this.#stamps.length)).fill(-1);
      larger.set(this.#stamps);
      this.#stamps = larger;
    }
    this.#stamps[id] = stamp;
  }
}

/** Counts the present stamps at or after a given one: a Fenwick tree (Fenwick 1994) that doubles when it is full. */
class StampCounter {
  #tree: Int32Array = new Int32Array(1 << 16);
  #next = 0;
  #present = 0;

  /** Adds the next stamp and returns it. */
  add(): number {
    if (this.#next === this.#tree.length - 1) this.#double();
    const stamp = this.#next++;
    this.#present++;
    this.#change(stamp, 1);
    return stamp;
  }

  remove(stamp: number): void {
    this.#present--;
    this.#change(stamp, -1);
  }

  /** How many present stamps are this one or later. */
  countFrom(stamp: number): number {
    let before = 0;
    for (let i = stamp; i > 0; i -= i & -i) before += this.#tree[i];
    return this.#present - before;
  }

  #change(stamp: number, by: number): void {
    for (let i = stamp + 1; i < this.#tree.length; i += i & -i) this.#tree[i] += by;
  }

  /** A tree of twice the size: its only new node that covers the old ones is the old length, which holds them all. */
  #double(): void {
    const size = this.#tree.length;
    const larger = new Int32Array(2 * size);
    larger.set(this.#tree);
    for (let i = size; i < larger.length; i += i & -i) larger[i] = this.#present;
    this.#tree = larger;
  }
}

function grown(old: Float64Array, index: number): Float64Array {
  const larger = new Float64Array(Math.max(index + 1, 2 * old.length));
  larger.set(old);
  return larger;
}
