import { type Blocks, InputError, requireInteger } from "../base/index.js";
import type { AccessRuns } from "./access-runs.js";

/**
 * The most lookups that any eviction policy could answer from a pool of each size, one that knows the future included:
 * Belady's rule (Belady 1966; Mattson et al. 1970), which gives up the block whose next lookup lies furthest ahead, for
 * caches in which a prefix is found from its start on. A request needs all blocks of its chain in the pool while it is
 * served, whether they can be of use later or not; what it leaves behind may be dropped at once.
 *
 * Exact: a block is worth one hit if it stays from its last use to the next lookup. Of the blocks of one lookup the
 * shallower ones are used more recently, so their stays lie inside those of the deeper ones, and giving up the furthest
 * next lookup, the deepest block first, keeps whole prefixes by itself. Among stays that share a moment, dropping those
 * that end last is best whatever follows (Carlisle and Lloyd 1995: the same holds where the room differs by moment).
 *
 * The number of blocks that wait for each coming lookup is all that has to be known: O(R log N) a size for R runs of N
 * requests.
 *
 * @param poolBlocks sizes, each at least the longest chain
 * @returns hits at each size
 * @throws InputError for a size in which some request has no room
 * @example
 * ```ts
 * import { accessRuns, hitRateCurve, optimalHits } from "prefixlab/cache";
 * const [a, b, c] = [Int32Array.of(0, 1), Int32Array.of(2, 3), Int32Array.of(4, 5)];
 * const accesses = [a, b, c, a, b, c].map((contentIds) => ({ contentIds, promptBlocks: 2 }));
 * [hitRateCurve(accesses).hits(4), optimalHits(accessRuns(accesses), [4])[0]]; // → [0, 4]
 * ```
 */
export function optimalHits(runs: AccessRuns, poolBlocks: readonly Blocks[]): number[] {
  const { count, chainBlocks } = runs;
  const longest = chainBlocks.reduce((most, blocks) => Math.max(most, blocks), 0);
  const stays = staysOf(runs);
  return poolBlocks.map((size) => {
    requireInteger("optimalHits", "poolBlocks", size, 1);
    if (size < longest)
      throw new InputError(
        `optimalHits: a pool of ${size} blocks has no room for the longest request, which needs ${longest}`,
      );
    return hitsIn(size, stays, count, chainBlocks);
  });
}

/** By request: how many of its blocks are looked up next by which later request. */
interface Stays {
  readonly start: Int32Array;
  readonly next: Int32Array;
  readonly blocks: Int32Array;
}

/** A run that is looked up is a stay from the request that used it last to the one that looks it up. */
function staysOf({ count, start, previous, lookups }: AccessRuns): Stays {
  const from = new Int32Array(count + 1);
  for (let r = 0; r < previous.length; r++) if (isStay(r)) from[previous[r] + 1]++;
  for (let i = 0; i < count; i++) from[i + 1] += from[i];
  const next = new Int32Array(from[count]);
  const blocks = new Int32Array(from[count]);
  const filled = from.slice(0, count);
  for (let i = 0; i < count; i++)
    for (let r = start[i]; r < start[i + 1]; r++)
      if (isStay(r)) {
        const at = filled[previous[r]]++;
        next[at] = i;
        blocks[at] = lookups[r];
      }
  return { start: from, next, blocks };

  function isStay(r: number): boolean {
    return previous[r] >= 0 && lookups[r] > 0;
  }
}

function hitsIn(
  size: Blocks,
  { start, next, blocks }: Stays,
  count: number,
  chainBlocks: Int32Array,
): number {
  // By request: blocks held for its lookup. Requests in the heap, the furthest on top, may have none left.
  const heldFor = new Int32Array(count);
  const furthest = new MaxHeap(count);
  let held = 0;
  let hits = 0;
  for (let i = 0; i < count; i++) {
    hits += heldFor[i];
    held -= heldFor[i];
    heldFor[i] = 0;
    let excess = held + chainBlocks[i] - size;
    while (excess > 0) {
      const last = furthest.top();
      const dropped = Math.min(excess, heldFor[last]);
      heldFor[last] -= dropped;
      held -= dropped;
      excess -= dropped;
      if (heldFor[last] === 0) furthest.pop();
    }
    for (let s = start[i]; s < start[i + 1]; s++) {
      furthest.add(next[s]);
      heldFor[next[s]] += blocks[s];
      held += blocks[s];
    }
  }
  return hits;
}

/** Whole numbers below a bound, the largest on top; none is in it twice. */
class MaxHeap {
  readonly #items: Int32Array;
  readonly #isIn: Uint8Array;
  #length = 0;

  constructor(bound: number) {
    this.#items = new Int32Array(bound);
    this.#isIn = new Uint8Array(bound);
  }

  top(): number {
    return this.#items[0];
  }

  add(item: number): void {
    if (this.#isIn[item]) return;
    this.#isIn[item] = 1;
    const items = this.#items;
    let at = this.#length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent] >= item) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    this.#isIn[items[0]] = 0;
    const item = items[--this.#length];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#length) break;
      if (child + 1 < this.#length && items[child + 1] > items[child]) child++;
      if (items[child] <= item) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = item;
  }
}
