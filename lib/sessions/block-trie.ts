import type { Blocks } from "../base/index.js";
import type { RequestColumns } from "./request-columns.js";

const UNSEEN = -2;
const NOTHING = new Int32Array(0);
/** How many requests that end on the same block are looked at before giving up: bounds the work on repeated prompts. */
const MAX_LISTED = 64;

/**
 * The prefix tree of a trace. Hashes are chained, so a block id stands for the whole prefix up to it and is itself
 * the node: the tree is a few arrays indexed by block id. Its shape is built first (`precedingId`, `branches`); then it
 * is filled in order of arrival (`latest`, `endedAt`), twice: the first walk leaves `lastThrough` to the second.
 */
export class BlockTrie {
  readonly columns: RequestColumns;
  /** The block before each block, -1 for a first block. */
  readonly precedingId: Int32Array;
  /** Different next blocks over the whole trace, counted up to 255. */
  readonly branches: Uint8Array;
  /** Last record of the whole trace that passes through or ends at each block; known after the first walk. */
  lastThrough: Int32Array;
  /** Latest record so far through each block, -1 before the first. */
  latest: Int32Array;
  /** Latest record so far whose prompt ends at each block; earlier ones follow through `endedBefore`. */
  readonly endedAt: Int32Array;
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
    this.endedAt = new Int32Array(idLimit).fill(-1);
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
    const chain = this.columns.chains[record];
    const blocks = this.promptBlocks[record];
    let depth = 0;
    while (depth < blocks && this.latest[chain[depth]] >= 0) depth++;
    return depth;
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
    this.endedBefore[record] = this.endedAt[last];
    this.endedAt[last] = record;
  }

  /**
   * Ends the first walk: what it filled becomes `lastThrough`, and the tree is empty again.
   * @param spare an array as long as there are block ids, to be used up: at a million requests, arrays count
   */
  startAgain(spare: Int32Array): void {
    this.lastThrough = this.latest;
    this.latest = spare.fill(-1);
    this.endedAt.fill(-1);
  }

  /**
   * Walks the records by arrival: `visit` sees a record and its known depth against those that arrived strictly
   * before it; records that arrive together do not see each other. `added` is called when it has joined the tree.
   */
  replay(visit: (record: number, knownDepth: Blocks) => void, added?: (record: number) => void): void {
    const { order, arrivalMs, count } = this.columns;
    for (let from = 0; from < count; ) {
      let to = from + 1;
      while (to < count && arrivalMs[order[to]] === arrivalMs[order[from]]) to++;
      for (let k = from; k < to; k++) visit(order[k], this.knownDepth(order[k]));
      for (let k = from; k < to; k++) {
        this.add(order[k]);
        added?.(order[k]);
      }
      from = to;
    }
  }

  /** Latest record whose prompt ends at a block and that satisfies `fits`, -1 for none. */
  latestEnding(block: number, fits: (record: number) => boolean): number {
    let seen = 0;
    for (let r = this.endedAt[block]; r >= 0 && seen < MAX_LISTED; r = this.endedBefore[r], seen++)
      if (fits(r)) return r;
    return -1;
  }

  /** Earlier records whose prompt ends where that of `record` does and that satisfy `fits`, its own ancestors left out. */
  countRivals(record: number, parent: Int32Array, fits: (record: number) => boolean): number {
    let ancestor = parent[record];
    let rivals = 0;
    let seen = 0;
    for (let r = this.endedBefore[record]; r >= 0 && seen < MAX_LISTED; r = this.endedBefore[r], seen++) {
      if (r === ancestor) ancestor = parent[r];
      else if (fits(r)) rivals++;
    }
    return rivals;
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
