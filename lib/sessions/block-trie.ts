import type { Blocks } from "../base/index.js";
import { BlockEnds } from "./block-ends.js";
import type { RequestColumns } from "./request-columns.js";

const UNSEEN = -2;
const NOTHING = new Int32Array(0);
/** How many requests that end on the same block are looked at before giving up: bounds the work on repeated prompts. */
const MAX_LISTED = 64;

/** How many of the first `blocks` ids of a chain satisfy `holds`, which those before one that does all do. */
export function leading(chain: Int32Array, blocks: Blocks, holds: (id: number) => boolean): Blocks {
  let low = 0;
  let high = blocks;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(chain[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The prefix tree of a trace. Hashes are chained, so a block id stands for the whole prefix up to it and is itself
 * the node: the tree is a few arrays indexed by block id. Its shape is built first (`precedingId`, `branches`); then it
 * is filled in order of arrival (`latest`, `endedAt`), once a walk: the last but one leaves `lastThrough` to the last.
 */
export class BlockTrie {
  readonly columns: RequestColumns;
  /** The block before each block, -1 for a first block. */
  readonly precedingId: Int32Array;
  /** Different next blocks over the whole trace, counted up to 255. */
  readonly branches: Uint8Array;
  /** Last record of the whole trace that passes through or ends at each block; known in the last walk. */
  lastThrough: Int32Array;
  /** Latest record so far through each block, -1 before the first. */
  latest: Int32Array;
  /** Latest record so far whose prompt ends at each block; earlier ones follow through `endedBefore`. */
  readonly endedAt: BlockEnds;
  readonly endedBefore: Int32Array;
  /** Full blocks of each prompt, cut where its ids are not chained as the first record with them has them. */
  readonly promptBlocks: Int32Array;
  /** `promptBlocks` and the blocks of the recorded answer. */
  readonly chainBlocks: Int32Array;
  /** Records with a block id that another record has after a different block: their chains were cut there. */
  readonly unchained: number;

  constructor(columns: RequestColumns) {
    const { count, idLimit, order, chains, answers } = columns;
    this.columns = columns;
    this.precedingId = new Int32Array(idLimit).fill(UNSEEN);
    this.branches = new Uint8Array(idLimit);
    this.lastThrough = NOTHING;
    this.latest = new Int32Array(idLimit).fill(-1);
    this.endedAt = new BlockEnds(count);
    this.endedBefore = new Int32Array(count).fill(-1);
    this.promptBlocks = new Int32Array(count);
    this.chainBlocks = new Int32Array(count);
    let unchained = 0;
    for (let k = 0; k < count; k++) {
      const i = order[k];
      const chain = chains[i];
      const answer = answers[i];
      const prompt = this.#grow(chain, -1);
      this.promptBlocks[i] = prompt;
      this.chainBlocks[i] = prompt;
      if (prompt < chain.length) unchained++;
      else if (answer.length > 0 && prompt > 0)
        this.chainBlocks[i] = prompt + this.#grow(answer, chain[prompt - 1]);
      else if (answer.length > 0) this.chainBlocks[i] = this.#grow(answer, -1);
    }
    this.unchained = unchained;
  }

  /** Leading blocks of a prompt that an earlier record has: how deep the filled tree knows it. */
  knownDepth(record: number): Blocks {
    const { latest } = this;
    // Whoever has a block has all before it.
    return leading(this.columns.chains[record], this.promptBlocks[record], (id) => latest[id] >= 0);
  }

  /** Adds a record to the filled tree. */
  add(record: number): void {
    const chain = this.columns.chains[record];
    const answer = this.columns.answers[record];
    const prompt = this.promptBlocks[record];
    const rest = this.chainBlocks[record] - prompt;
    for (let d = 0; d < prompt; d++) this.latest[chain[d]] = record;
    for (let d = 0; d < rest; d++) this.latest[answer[d]] = record;
    if (prompt === 0) return;
    const last = chain[prompt - 1];
    this.endedBefore[record] = this.endedAt.at(last);
    this.endedAt.set(last, record);
  }

  /** Forgets what was filled in: the next walk begins with an empty tree. */
  clear(): void {
    this.latest.fill(-1);
    this.endedAt.clear();
  }

  /**
   * Ends the walk before the last: what it filled becomes `lastThrough`, and the tree is empty again.
   * @param spare an array as long as there are block ids, to be used up: at a million requests, arrays count
   */
  startAgain(spare: Int32Array): void {
    this.lastThrough = this.latest;
    this.latest = spare.fill(-1);
    this.endedAt.clear();
  }

  /**
   * Walks the records in their order, the first `upTo` of them: `visit` sees a record and its known depth against those before it. `added` is called
   * when it has joined the tree.
   */
  replay(
    visit: (record: number, knownDepth: Blocks) => void,
    added?: (record: number) => void,
    upTo = this.columns.count,
  ): void {
    const { order, count } = this.columns;
    for (let k = 0; k < Math.min(count, upTo); k++) {
      const record = order[k];
      visit(record, this.knownDepth(record));
      this.add(record);
      added?.(record);
    }
  }

  /** Latest record whose prompt ends at a block and that satisfies `fits`, -1 for none. */
  latestEnding(block: number, fits: (record: number) => boolean): number {
    let seen = 0;
    for (let r = this.endedAt.at(block); r >= 0 && seen < MAX_LISTED; r = this.endedBefore[r], seen++)
      if (fits(r)) return r;
    return -1;
  }

  /**
   * Of the records whose prompt ends at a block and that satisfy `fits`: one that was answered before one that failed, then
   * one without a child, then the latest; -1 for none.
   */
  bestEnding(block: number, fits: (record: number) => boolean, hasChild: Uint8Array): number {
    const { failed } = this.columns;
    let best = -1;
    let bestRank = 4;
    let seen = 0;
    for (
      let r = this.endedAt.at(block);
      r >= 0 && seen < MAX_LISTED && bestRank > 0;
      r = this.endedBefore[r], seen++
    ) {
      const rank = 2 * failed[r] + hasChild[r];
      if (rank < bestRank && fits(r)) {
        best = r;
        bestRank = rank;
      }
    }
    return best;
  }

  /**
   * Records whose prompt ends where that of `record` does and that satisfy `fits` as it does; those left out that are its
   * ancestors or descendants through records that end there too, and those that failed.
   */
  countRivals(record: number, parent: Int32Array, fits: (record: number) => boolean): number {
    const chain = this.columns.chains[record];
    const blocks = this.promptBlocks[record];
    let rivals = 0;
    let seen = 0;
    for (
      let r = this.endedAt.at(chain[blocks - 1]);
      r >= 0 && seen < MAX_LISTED;
      r = this.endedBefore[r], seen++
    ) {
      if (r === record || this.columns.failed[r] === 1 || !fits(r)) continue;
      if (!this.#descends(r, record, parent) && !this.#descends(record, r, parent)) rivals++;
    }
    return rivals;
  }

  /** Whether `elder` is reached from `record` over parents of as many blocks. */
  #descends(record: number, elder: number, parent: Int32Array): boolean {
    const blocks = this.promptBlocks[record];
    let at = parent[record];
    while (at >= 0 && at !== elder && this.promptBlocks[at] === blocks) at = parent[at];
    return at === elder;
  }

  #grow(ids: Int32Array, before: number): number {
    let preceding = before;
    for (let d = 0; d < ids.length; d++) {
      const id = ids[d];
      const known = this.precedingId[id];
      if (known === UNSEEN) {
        this.precedingId[id] = preceding;
        if (preceding >= 0 && this.branches[preceding] < 255) this.branches[preceding]++;
      } else if (known !== preceding) return d;
      preceding = id;
    }
    return ids.length;
  }
}
