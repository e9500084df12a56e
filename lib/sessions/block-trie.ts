import type { Blocks } from "../base/index.js";
import { BlockEnds } from "./block-ends.js";
import type { RequestColumns } from "./request-columns.js";

const UNSEEN = -2;
const NOTHING = new Int32Array(0);
/** How many requests that end on the same block are looked at before giving up: bounds the work on repeated prompts. */
const MAX_LISTED = 64;

/**
 * The prefix tree of a trace. Hashes are chained, so a block id stands for the whole prefix up to it and is itself
 * the node: the tree is a few arrays indexed by block id. Its shape is built first, in order of arrival (`precedingId`,
 * `branches`, `lastThrough`, `knownDepth`); then each walk fills `endedAt` in that order, and the last one `latest`.
 */
export class BlockTrie {
  readonly columns: RequestColumns;
  /** The block before each block, -1 for a first block. */
  readonly precedingId: Int32Array;
  /** Different next blocks over the whole trace, counted up to 255. */
  readonly branches: Uint8Array;
  /** Last record of the whole trace that passes through or ends at each block. */
  readonly lastThrough: Int32Array;
  /** Latest record so far through each block, -1 before the first; in {@link replayThrough} only. */
  latest: Int32Array = NOTHING;
  /** Leading blocks of each prompt that a record before it has. */
  readonly knownDepth: Int32Array;
  /** Latest record so far whose prompt ends at each block; earlier ones follow through `endedBefore`. */
  readonly endedAt: BlockEnds;
  readonly endedBefore: Int32Array;
  /** Full blocks of each prompt, cut where its ids are not chained as the first record with them has them. */
  readonly promptBlocks: Int32Array;
  /** `promptBlocks` and the blocks of the recorded answer. */
  readonly chainBlocks: Int32Array;
  /** Records with a block id that another record has after a different block: their chains were cut there. */
  readonly unchained: number;
  /** Leading blocks that the chain added last shares with those before. */
  #known = 0;

  constructor(columns: RequestColumns) {
    const { count, idLimit, order, chains, answers } = columns;
    this.columns = columns;
    this.precedingId = new Int32Array(idLimit).fill(UNSEEN);
    this.branches = new Uint8Array(idLimit);
    this.lastThrough = new Int32Array(idLimit).fill(-1);
    this.knownDepth = new Int32Array(count);
    this.endedAt = new BlockEnds(count, idLimit);
    this.endedBefore = new Int32Array(count).fill(-1);
    this.promptBlocks = new Int32Array(count);
    this.chainBlocks = new Int32Array(count);
    let unchained = 0;
    for (let k = 0; k < count; k++) {
      const i = order[k];
      const chain = chains[i];
      const answer = answers[i];
      const prompt = this.#grow(i, chain, -1);
      this.promptBlocks[i] = prompt;
      this.chainBlocks[i] = prompt;
      this.knownDepth[i] = this.#known;
      if (prompt < chain.length) unchained++;
      else if (answer.length > 0)
        this.chainBlocks[i] = prompt + this.#grow(i, answer, prompt > 0 ? chain[prompt - 1] : -1);
    }
    this.unchained = unchained;
  }

  /**
   * Walks the records in their order, the first `upTo` of them: `visit` sees each, and its known depth, when those before it have
   * ended in `endedAt`.
   */
  replay(visit: (record: number, knownDepth: Blocks) => void, upTo = this.columns.count): void {
    const { order, count, chains } = this.columns;
    this.endedAt.clear();
    for (let k = 0; k < Math.min(count, upTo); k++) {
      const record = order[k];
      visit(record, this.knownDepth[record]);
      const prompt = this.promptBlocks[record];
      if (prompt > 0) this.endedBefore[record] = this.endedAt.put(chains[record][prompt - 1], record);
    }
  }

  /**
   * Walks all records like {@link replay}, and keeps `latest` on the way.
   * @param spare an array as long as there are block ids, to be used up: at a million requests, arrays count
   */
  replayThrough(spare: Int32Array, visit: (record: number, knownDepth: Blocks) => void): void {
    const { chains, answers } = this.columns;
    const latest = spare.fill(-1);
    this.latest = latest;
    this.replay((record, knownDepth) => {
      visit(record, knownDepth);
      const chain = chains[record];
      const prompt = this.promptBlocks[record];
      for (let d = 0; d < prompt; d++) latest[chain[d]] = record;
      const answer = answers[record];
      const rest = this.chainBlocks[record] - prompt;
      for (let d = 0; d < rest; d++) latest[answer[d]] = record;
    });
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

  /** Adds a record's ids behind a block, up to one that followed another block before; returns how many. */
  #grow(record: number, ids: Int32Array, before: number): number {
    const { precedingId, lastThrough, branches } = this;
    let preceding = before;
    let d = 0;
    // Whoever has a block has all before it: what is known leads.
    for (; d < ids.length && precedingId[ids[d]] === preceding; d++) {
      preceding = ids[d];
      lastThrough[preceding] = record;
    }
    this.#known = d;
    for (; d < ids.length && precedingId[ids[d]] === UNSEEN; d++) {
      const id = ids[d];
      precedingId[id] = preceding;
      if (preceding >= 0 && branches[preceding] < 255) branches[preceding]++;
      preceding = id;
      lastThrough[id] = record;
    }
    return d;
  }
}
