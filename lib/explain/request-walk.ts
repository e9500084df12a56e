import type { Blocks, Ms, Tokens } from "../base/index.js";
import type { TraceRecord } from "../trace/index.js";
import type { BlockHistory } from "./block-history.js";
import { type Divergence, describeDivergence } from "./divergence.js";
import type { ReuseAcross } from "./engine-resets.js";
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

/** A miss on a block that should have been found: what it is depends on the whole trace. */
export interface PresentMiss {
  readonly part: MissPart;
  readonly usedMs: Ms;
  readonly atMs: Ms;
}

interface WalkOptions {
  readonly record: TraceRecord;
  readonly index: number;
  readonly atMs: Ms;
  readonly ids: Int32Array;
  /** Leading blocks of `ids` whose content the trace tells. */
  readonly known: Blocks;
  readonly blockSize: Tokens;
  readonly kvCacheBlocks: Blocks;
  readonly isOn: boolean;
  readonly history: BlockHistory;
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
  readonly reuses: ReuseAcross[] = [];
  readonly #o: WalkOptions;
  readonly #parts: MissPart[] = [];
  #at: Tokens;

  constructor(options: WalkOptions) {
    this.#o = options;
    this.#at = Math.min(options.record.cachedTokens as Tokens, options.record.promptTokens);
  }

  walk(): RequestMisses {
    const { record, index, ids, known, blockSize, history, isOn } = this.#o;
    const promptTokens = Math.max(record.promptTokens, 0);
    const cachedTokens = this.#at;
    const lookedUp = Math.max(0, Math.floor((promptTokens - 1) / blockSize));
    const firstMissed = Math.floor(cachedTokens / blockSize);
    for (let k = 0; k < Math.min(firstMissed, known); k++) this.#reuse(ids[k], true);
    let cause: MissPart | undefined;
    let k = firstMissed;
    for (; k < Math.min(lookedUp, known); k++) {
      const content = ids[k];
      const readyMs = history.readyMs(content);
      if (readyMs === undefined) break;
      const own = this.#causeOf(content, readyMs);
      if (isOn && !cause) this.#reuse(content, own.cause !== "unexplained");
      if (own.cause === "unexplained" && !cause && this.#isSupposedAnswer(k)) {
        this.#addDiverged(k, (this.#o.prior as PriorTurn).index, k + 1);
        cause = this.#parts[this.#parts.length - 1];
        continue;
      }
      // Behind a block that is not there nothing is looked up.
      const isBehind = own.cause === "unexplained" && cause !== undefined;
      cause = isBehind ? (cause as MissPart) : own;
      this.#add(cause, (k + 1) * blockSize);
      if (cause.cause === "unexplained")
        this.present.push({
          part: this.#parts[this.#parts.length - 1],
          usedMs: history.usedMs(content),
          atMs: this.#o.atMs,
        });
    }
    if (k < lookedUp) {
      const isUnknown = k >= known;
      if (!isUnknown) {
        const { prior, head } = this.#o;
        if (prior && k >= prior.computed && prior.ids[k] === ids[k])
          this.#add(none("block_tail"), ++k * blockSize);
        else if (prior && prior.blocks > k)
          this.#addDiverged(k, prior.index, Math.min(lookedUp, prior.blocks, known));
        // Nobody's next turn, but another version of a system prompt that was sent before.
        else if (!prior && head && head.tokens > k * blockSize)
          this.#addDiverged(k, head.index, Math.min(lookedUp, known, Math.floor(head.tokens / blockSize)));
        this.#add(none("first_use"), Math.min(lookedUp, known) * blockSize);
      }
      this.#add(none("not_known"), lookedUp * blockSize);
    }
    this.#add(none(known === 0 && lookedUp > 0 ? "not_known" : "block_tail"), promptTokens);
    return { index, promptTokens, cachedTokens, parts: this.#parts };
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
    this.#add({ ...none("diverged"), from, divergence }, toBlock * blockSize);
  }

  #causeOf(content: number, readyMs: Ms): MissPart {
    const { history, atMs, kvCacheBlocks, isOn } = this.#o;
    const idleMs = Math.max(0, atMs - history.usedMs(content));
    if (!isOn) return none("unexplained");
    if (readyMs > atMs) return none("not_ready");
    const blocksShort = history.distance(content) - kvCacheBlocks;
    return blocksShort > 0 ? { ...none("evicted"), blocksShort, idleMs } : none("unexplained");
  }

  #reuse(content: number, isHit: boolean): void {
    const { history, atMs, index } = this.#o;
    if (history.readyMs(content) === undefined) return;
    this.reuses.push({ request: index, usedMs: history.usedMs(content), atMs, isHit });
  }

  /** Up to token `end`, for this cause. */
  #add(part: MissPart, end: Tokens): void {
    const tokens = end - this.#at;
    if (tokens <= 0) return;
    this.#parts.push({ ...part, fromToken: this.#at, tokens });
    this.#at = end;
  }
}

function none(cause: MissCause): MissPart {
  return { cause, fromToken: 0, tokens: 0 };
}
