import type { Blocks } from "../base/index.js";
import { type AccessRuns, accessRuns, type BlockAccess } from "./access-runs.js";

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

/** How {@link hitRateCurve} takes a request's blocks to be used. */
export interface HitRateCurveOptions {
  /**
   * Which block of a request is its most recent one afterwards, and so leaves last: "first", as in vLLM's pool, or "last",
   * as in LMCache's cache simulator, where a prefix is lost from its beginning on. Default "first".
   */
  readonly mostRecentBlock?: "first" | "last";
  /** How many content ids to make room for; more is allowed, and grows the table. */
  readonly contentCount?: number;
  /**
   * Told of each run of lookups that can hit: the request by its position, the smallest pool in which the first of them
   * hits, and how many there are; each next one hits from a block more on, or from the same size where a request's last
   * block is its most recent one.
   */
  readonly onHits?: (request: number, poolBlocks: Blocks, lookups: Blocks) => void;
}

/**
 * Hits against pool size for all sizes in one pass: Mattson's stack distances (Mattson, Gecsei, Slutz and Traiger 1970)
 * over block chains, with a Fenwick tree over requests (Fenwick 1994): O(blocks + R log N) for R runs of N requests.
 *
 * Requests are taken one after another. Afterwards a request's first block is its most recent and its last the oldest,
 * as the block pool frees them; so a cached block's predecessors are cached too, and "longest leading run" is the same
 * as counting single blocks. Exact for an LRU pool that holds full blocks of one request at a time.
 *
 * @throws InputError as {@link accessRuns} does
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
  options: HitRateCurveOptions = {},
): HitRateCurve {
  return hitRateCurveOf(accessRuns(accesses, options.contentCount), options);
}

/** {@link hitRateCurve} of requests that were split into runs. */
export function hitRateCurveOf(
  { count, start, previous, blocks, lookups, chainBlocks }: AccessRuns,
  { mostRecentBlock = "first", onHits }: Omit<HitRateCurveOptions, "contentCount"> = {},
): HitRateCurve {
  const isFirst = mostRecentBlock === "first";
  const recency = new RequestCounter(count);
  let steps: Float64Array = new Float64Array(1024);
  let looked = 0;
  let compulsoryMisses = 0;
  let saturationBlocks = 0;
  for (let i = 0; i < count; i++) {
    for (let r = start[i]; r < start[i + 1]; r++) {
      looked += lookups[r];
      if (previous[r] < 0) compulsoryMisses += lookups[r];
      else if (lookups[r] > 0) {
        // The first block lies right behind all that was used since, each next one a block further; or all of the run is
        // found only where there is room for its first block, which is the least recent of that request's.
        const first = isFirst ? recency.countAfter(previous[r]) + 1 : recency.countAfter(previous[r] - 1);
        const sizes = isFirst ? lookups[r] : 1;
        const end = first + sizes;
        if (end >= steps.length) steps = grown(steps, end);
        steps[first] += lookups[r] / sizes;
        steps[end] -= lookups[r] / sizes;
        onHits?.(i, first, lookups[r]);
        if (end - 1 > saturationBlocks) saturationBlocks = end - 1;
      }
    }
    for (let r = start[i]; r < start[i + 1]; r++) if (previous[r] >= 0) recency.add(previous[r], -blocks[r]);
    recency.add(i, chainBlocks[i]);
  }
  const hitsAtDistance = new Float64Array(saturationBlocks + 1);
  const cumulative = new Float64Array(saturationBlocks + 1);
  let hits = 0;
  let sum = 0;
  for (let d = 0; d <= saturationBlocks; d++) {
    hits += steps[d];
    sum += hits;
    hitsAtDistance[d] = hits;
    cumulative[d] = sum;
  }
  return {
    lookups: looked,
    compulsoryMisses,
    hitsAtDistance,
    saturationBlocks,
    hits: (poolBlocks) => cumulative[Math.min(Math.max(0, Math.floor(poolBlocks)), saturationBlocks)],
  };
}

/** Blocks by the request that used them last: how many were used after a given one. A Fenwick tree. */
class RequestCounter {
  readonly #tree: Float64Array;
  #present = 0;

  constructor(requests: number) {
    this.#tree = new Float64Array(requests + 1);
  }

  add(request: number, by: Blocks): void {
    this.#present += by;
    for (let i = request + 1; i < this.#tree.length; i += i & -i) this.#tree[i] += by;
  }

  countAfter(request: number): Blocks {
    let before = 0;
    for (let i = request + 1; i > 0; i -= i & -i) before += this.#tree[i];
    return this.#present - before;
  }
}

function grown(old: Float64Array, index: number): Float64Array {
  const larger = new Float64Array(Math.max(index + 1, 2 * old.length));
  larger.set(old);
  return larger;
}
