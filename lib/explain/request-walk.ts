import type { Blocks, Ms, Tokens } from "../base/index.js";
import { findableBlocks } from "../cache/index.js";
import type { TraceRecord } from "../trace/index.js";
import type { BlockHistory } from "./block-history.js";
import { type Divergence, describeDivergence } from "./divergence.js";
import type { LostBetween, SurvivedTimes } from "./engine-resets.js";
import type { MissCause } from "./miss-causes.js";

/** A run of prompt tokens that were computed for one cause. */
export interface MissPart {
  readonly cause: MissCause;
  /** From the prompt's start. */
  readonly fromToken: Tokens;
  readonly tokens: Tokens;
  /** Evicted: a pool with so many blocks more would still have held all of them. */
  readonly blocksShort?: Blocks;
  /** Evicted, reset: since it was last used. */
  readonly idleMs?: Ms;
  /** Diverged: the request (index of its record) that goes on in another form. */
  readonly from?: number;
  /** Diverged: where and how. */
  readonly divergence?: Divergence;
}

/** A request's misses. */
export interface RequestMisses {
  /** Index of the record. */
  readonly index: number;
  readonly promptTokens: Tokens;
  readonly cachedTokens: Tokens;
  /** In the order of the prompt; they add up to `promptTokens - cachedTokens`. */
  readonly parts: readonly MissPart[];
}

/** A part that is written while the walk goes on. */
type OpenPart = { -readonly [K in keyof MissPart]: MissPart[K] };

/** A miss on blocks that should have been found: what it is depends on the whole trace. */
export interface PresentMiss {
  readonly part: OpenPart;
  readonly usedMs: Ms;
  readonly atMs: Ms;
}

interface WalkOptions {
  readonly record: TraceRecord;
  readonly index: number;
  readonly atMs: Ms;
  readonly ids: Int32Array;
  /** The same chain in the ids of `history`. */
  readonly ownIds: Int32Array;
  /** Leading blocks of `ids` whose content the trace tells. */
  readonly known: Blocks;
  readonly blockSize: Tokens;
  readonly kvCacheBlocks: Blocks;
  readonly isOn: boolean;
  readonly history: BlockHistory;
  /** Whether another replica was sent a content (of `ids`) that this one was not. */
  readonly isElsewhere: (content: number) => boolean;
  readonly survived: SurvivedTimes;
  readonly prior: PriorTurn | undefined;
  /** An earlier request whose system prompt and tools are another version of this one's, and how long they are. */
  readonly head: { readonly index: number; readonly tokens: Tokens } | undefined;
  readonly records: readonly TraceRecord[];
}

/** The turn before. */
export interface PriorTurn {
  readonly index: number;
  /** Of its prompt and answer: content ids, those blocks that it computed, and all that a next turn may go on from. */
  readonly ids: Int32Array;
  readonly computed: Blocks;
  readonly blocks: Blocks;
}

/** Goes through one prompt behind what was found. */
export class RequestWalk {
  readonly present: PresentMiss[] = [];
  /** The first block that was not found, where a pool of the engine's size would still hold it. */
  lost: LostBetween | undefined;
  readonly #o: WalkOptions;
  readonly #parts: OpenPart[] = [];
  #at: Tokens;

  constructor(options: WalkOptions) {
    this.#o = options;
    this.#at = Math.min(options.record.cachedTokens as Tokens, options.record.promptTokens);
  }

  walk(): RequestMisses {
    const { record, index, ids, ownIds, known, blockSize, history, atMs, isOn, isElsewhere } = this.#o;
    const promptTokens = Math.max(record.promptTokens, 0);
    const cachedTokens = this.#at;
    const lookedUp = findableBlocks(promptTokens, blockSize);
    const firstMissed = Math.floor(cachedTokens / blockSize);
    this.#survive(Math.min(firstMissed, known));
    let k = firstMissed;
    const end = Math.min(lookedUp, known);
    for (; k < end && history.isSent(ownIds[k], atMs); k++) this.#addSent(k);
    // Without prefix caching it would not have been found there either.
    for (; k < end && isElsewhere(ids[k]); k++) this.#add(isOn ? "elsewhere" : "off", (k + 1) * blockSize);
    if (k < lookedUp) {
      if (k < known) k = this.#addUnsent(k, end);
      this.#add("not_known", lookedUp * blockSize);
    }
    this.#add(known === 0 && lookedUp > 0 ? "not_known" : "block_tail", promptTokens);
    return { index, promptTokens, cachedTokens, parts: this.#parts };
  }

  /** Whatever held the first `found` blocks held them since they were last used. */
  #survive(found: Blocks): void {
    const { ownIds, history, survived, atMs, isOn } = this.#o;
    if (!isOn) return;
    let lastMs = Number.NaN;
    for (let k = 0; k < found; k++) {
      if (!history.isSent(ownIds[k], atMs)) continue;
      const usedMs = history.usedMs(ownIds[k]);
      if (usedMs === lastMs) continue;
      survived.found(usedMs, atMs);
      lastMs = usedMs;
    }
  }

  /** A block that somebody had sent. */
  #addSent(k: Blocks): void {
    const { ownIds, history, atMs, index, blockSize, kvCacheBlocks, isOn } = this.#o;
    const content = ownIds[k];
    const end = (k + 1) * blockSize;
    const usedMs = history.usedMs(content);
    const last = this.#parts[this.#parts.length - 1];
    const blocksShort = isOn ? history.distance(content) - kvCacheBlocks : 0;
    if (isOn && history.readyMs(content) > atMs) this.#add("not_ready", end);
    else if (blocksShort > 0) this.#add("evicted", end, { blocksShort, idleMs: Math.max(0, atMs - usedMs) });
    else if (!last && this.#isSupposedAnswer(k))
      this.#addDiverged(k, (this.#o.prior as PriorTurn).index, k + 1);
    // Behind a block that is not there nothing is looked up.
    else if (last && last.cause !== "unexplained") this.#add(last.cause, end);
    else {
      if (!last) this.lost = { request: index, usedMs, atMs };
      this.#addPresent(end, usedMs);
    }
  }

  #addPresent(end: Tokens, usedMs: Ms): void {
    const { present } = this;
    const { atMs } = this.#o;
    const isSame = present[present.length - 1]?.usedMs === usedMs;
    this.#add("unexplained", end, {}, isSame);
    if (!isSame) present.push({ part: this.#parts[this.#parts.length - 1], usedMs, atMs });
  }

  /** From the first block that nobody had sent, as far as it is looked up and known. */
  #addUnsent(k: Blocks, toBlock: Blocks): Blocks {
    const { ids, prior, head, blockSize } = this.#o;
    if (prior && k >= prior.computed && prior.ids[k] === ids[k]) this.#add("block_tail", (k + 1) * blockSize);
    else if (prior && prior.blocks > k) this.#addDiverged(k, prior.index, Math.min(toBlock, prior.blocks));
    // Nobody's next turn, but another version of a system prompt that was sent before.
    else if (!prior && head && head.tokens > k * blockSize)
      this.#addDiverged(k, head.index, Math.min(toBlock, Math.floor(head.tokens / blockSize)));
    this.#add("first_use", toBlock * blockSize);
    return toBlock;
  }

  /**
   * The block is of the answer before, whose tokens nobody told: that the prompt repeats them was supposed, and that it was
   * not found says that it does not.
   */
  #isSupposedAnswer(k: Blocks): boolean {
    const { prior, records, blockSize, isOn } = this.#o;
    if (!prior || !isOn) return false;
    const before = records[prior.index];
    return (
      before.outputBlockIds === undefined &&
      k >= Math.floor(before.promptTokens / blockSize) &&
      k < prior.blocks
    );
  }

  #addDiverged(fromBlock: Blocks, from: number, toBlock: Blocks): void {
    const { record, blockSize, records } = this.#o;
    const divergence = describeDivergence(record, records[from], fromBlock * blockSize, blockSize);
    this.#add("diverged", toBlock * blockSize, { from, divergence });
  }

  /** Up to token `end`, for this cause: more of the last part where that has it too. */
  #add(cause: MissCause, end: Tokens, more: Partial<MissPart> = {}, joins = cause !== "unexplained"): void {
    const tokens = end - this.#at;
    if (tokens <= 0) return;
    const last = this.#parts[this.#parts.length - 1];
    if (joins && last?.cause === cause) {
      last.tokens += tokens;
      if (more.blocksShort !== undefined)
        last.blocksShort = Math.max(last.blocksShort ?? 0, more.blocksShort);
      if (more.idleMs !== undefined) last.idleMs = Math.max(last.idleMs ?? 0, more.idleMs);
    } else this.#parts.push({ cause, fromToken: this.#at, tokens, ...more });
    this.#at = end;
  }
}
