import { type Blocks, InputError } from "../base/index.js";

/** A request as the cache sees it: the blocks it looks up, then those that it computes in any case. */
export interface BlockAccess {
  /** Content ids of the full blocks of prompt and answer, from the prompt's start. Equal ids are equal prefixes. */
  readonly contentIds: Int32Array;
  /** How many of them are looked up: full blocks of the prompt. */
  readonly promptBlocks: Blocks;
}

/**
 * Requests in the order in which they are served, each as runs of blocks: neighbours in its chain that the same request
 * used last. A chain has few of them however long it is, for requests part at few places; every measure of recency is
 * the same for a run's blocks, but for their place in it.
 *
 * Run `r` of request `i`, for r from `start[i]` up to `start[i + 1]`, from the chain's start on.
 */
export interface AccessRuns {
  /** Requests. */
  readonly count: number;
  readonly start: Int32Array;
  /** The request before this one that used the run's blocks last; -1: nobody did. Falls along a chain. */
  readonly previous: Int32Array;
  readonly blocks: Int32Array;
  /** Of the run's blocks the first so many are looked up. */
  readonly lookups: Int32Array;
  /** Blocks of each request's chain. */
  readonly chainBlocks: Int32Array;
}

/**
 * Splits chains into runs, in one pass.
 * @param contentCount how many content ids to make room for; more is allowed, and grows the table
 * @throws InputError when a request has more prompt blocks than content ids, and when the ids are no chains: a block was
 * used without the one before it
 */
export function accessRuns(accesses: Iterable<BlockAccess>, contentCount = 1024): AccessRuns {
  let lastUse = new Int32Array(Math.max(16, contentCount)).fill(-1);
  const start = new GrowingInts();
  const previous = new GrowingInts();
  const blocks = new GrowingInts();
  const lookups = new GrowingInts();
  const chainBlocks = new GrowingInts();
  let count = 0;
  for (const { contentIds, promptBlocks } of accesses) {
    if (promptBlocks > contentIds.length)
      throw new InputError(`accessRuns: ${promptBlocks} prompt blocks but ${contentIds.length} content ids`);
    start.push(previous.length);
    chainBlocks.push(contentIds.length);
    let from = 0;
    let before = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= contentIds.length; i++) {
      let last = Number.NEGATIVE_INFINITY;
      if (i < contentIds.length) {
        const id = contentIds[i];
        if (id >= lastUse.length) lastUse = grownTable(lastUse, id);
        last = lastUse[id];
        lastUse[id] = count;
        if (i === 0) before = last;
        if (last > before)
          throw new InputError(
            `accessRuns: request ${count} uses block ${i} of its chain more recently used than block ${i - 1}: content ids must name whole prefixes`,
          );
      }
      if (last === before) continue;
      if (i > from) {
        previous.push(before);
        blocks.push(i - from);
        lookups.push(Math.min(Math.max(0, promptBlocks - from), i - from));
      }
      from = i;
      before = last;
    }
    count++;
  }
  start.push(previous.length);
  return {
    count,
    start: start.values(),
    previous: previous.values(),
    blocks: blocks.values(),
    lookups: lookups.values(),
    chainBlocks: chainBlocks.values(),
  };
}

/** Integers that are appended; their number is not known before. */
class GrowingInts {
  length = 0;
  #values = new Int32Array(1024);

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  values(): Int32Array {
    return this.#values.subarray(0, this.length);
  }
}

function grownTable(table: Int32Array, index: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(index + 1, 2 * table.length)).fill(-1);
  larger.set(table);
  return larger;
}
