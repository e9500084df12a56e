import { type Blocks, InvariantError, type RandomStream, type Tokens } from "../base/index.js";
import { BlockPool } from "./block-pool.js";
import type { EvictionPolicy } from "./eviction/eviction.js";
import { findableBlocks } from "./findable-blocks.js";
import { grownTo } from "./grown-to.js";
import type { Admission, KvCache } from "./kv-cache.js";

const NONE = -1;

/** How a {@link BlockCache} is made. */
export interface BlockCacheOptions {
  readonly blockSize: Tokens;
  readonly capacityBlocks: Blocks;
  /** With false nothing is ever found, and nothing else changes. */
  readonly enablePrefixCaching: boolean;
  /** How many content ids there will be, if known. */
  readonly contentCount?: number;
  readonly eviction?: EvictionPolicy;
  /** What the eviction policy draws from. */
  readonly random?: RandomStream;
}

/**
 * vLLM V1's KV cache (`vllm/v1/core/kv_cache_manager.py`): every request finds the longest leading run of its full
 * blocks that any request computed and the pool still holds, and takes blocks from the pool for the rest.
 */
export class BlockCache implements KvCache {
  readonly blockSize: Tokens;
  readonly #pool: BlockPool;
  readonly #findsBlocks: boolean;
  /** By slot: its blocks, of which it holds the first `held`; of these the first `registered` can be found. */
  readonly #blocks: Int32Array[] = [];
  readonly #contentIds: Int32Array[] = [];
  #held: Int32Array = new Int32Array(64);
  #registered: Int32Array = new Int32Array(64);
  /** What `fit` answers with: one object, used again. */
  readonly #admission = { cachedTokens: 0, chunkTokens: 0 };
  #fittedSlot = NONE;
  #fittedHits: Blocks = 0;
  #fittedIdleHits: Blocks = 0;
  /** The last request that did not fit, and the leading blocks that it found. */
  #blockedSlot = NONE;
  #blockedHits: Blocks = 0;

  constructor(options: BlockCacheOptions) {
    this.blockSize = options.blockSize;
    this.#findsBlocks = options.enablePrefixCaching;
    this.#pool = new BlockPool(
      options.capacityBlocks,
      options.contentCount,
      options.eviction,
      options.random,
    );
  }

  get capacityBlocks(): Blocks {
    return this.#pool.capacityBlocks;
  }

  get requestCapacityBlocks(): Blocks {
    return this.#pool.capacityBlocks;
  }

  get freeBlocks(): Blocks {
    return this.#pool.freeBlocks;
  }

  get evictedBlocks(): Blocks {
    return this.#pool.evictedBlocks;
  }

  /** Of the request that fitted last: free blocks that admitting it takes. */
  get fittedBlocks(): Blocks {
    const { cachedTokens, chunkTokens } = this.#admission;
    return this.#blocksFor(cachedTokens + chunkTokens) - this.#fittedHits + this.#fittedIdleHits;
  }

  /** Blocks that a request holds. */
  heldBlocks(slot: number): Blocks {
    return this.#held[slot];
  }

  enter(slot: number, contentIds: Int32Array, tokens: Tokens): void {
    if (slot >= this.#held.length) {
      this.#held = grownTo(this.#held, slot + 1);
      this.#registered = grownTo(this.#registered, slot + 1);
    }
    const blocks = this.#blocksFor(tokens);
    // A slot keeps its array for the next request: allocating one a request costs more than filling it.
    if ((this.#blocks[slot]?.length ?? -1) < blocks) this.#blocks[slot] = new Int32Array(blocks);
    this.#contentIds[slot] = contentIds;
    this.#held[slot] = 0;
    this.#registered[slot] = 0;
    if (this.#blockedSlot === slot) this.#blockedSlot = NONE;
  }

  fit(slot: number, totalTokens: Tokens, chunkTokens: Tokens, reservesAll: boolean): Admission | undefined {
    const pool = this.#pool;
    const findable = this.#findableBlocks(totalTokens);
    if (reservesAll && this.isStillBlocked(slot, totalTokens)) return undefined;
    const found = this.#blocks[slot];
    const hits = pool.findLeading(this.#contentIds[slot], findable, found);
    const idleHits = pool.freeAmong(found, hits);
    const cached = hits * this.blockSize;
    const chunk = Math.min(totalTokens - cached, chunkTokens);
    const reserved = reservesAll ? totalTokens : cached + chunk;
    if (this.#blocksFor(reserved) - hits + idleHits > pool.freeBlocks) {
      this.#blockedSlot = slot;
      this.#blockedHits = hits;
      return undefined;
    }
    this.#fittedSlot = slot;
    this.#fittedHits = hits;
    this.#fittedIdleHits = idleHits;
    this.#admission.cachedTokens = cached;
    this.#admission.chunkTokens = chunk;
    return this.#admission;
  }

  admit(slot: number): void {
    if (slot !== this.#fittedSlot)
      throw new InvariantError(`BlockCache.admit: slot ${slot} was not the last to fit`);
    const hits = this.#fittedHits;
    this.#fittedSlot = NONE;
    this.#pool.acquireAll(this.#blocks[slot], hits);
    this.#held[slot] = hits;
    this.#registered[slot] = hits;
    if (!this.grow(slot, this.#admission.cachedTokens + this.#admission.chunkTokens))
      throw new InvariantError(`BlockCache.admit: no room for slot ${slot}, although it fitted`);
  }

  grow(slot: number, tokens: Tokens): boolean {
    const held = this.#held[slot];
    const lacking = this.#blocksFor(tokens) - held;
    if (lacking <= 0) return true;
    if (lacking > this.#pool.freeBlocks) return false;
    this.#pool.allocateInto(this.#blocks[slot], held, lacking);
    this.#held[slot] = held + lacking;
    return true;
  }

  publish(slot: number, tokens: Tokens): void {
    if (!this.#findsBlocks) return;
    const full = Math.floor(tokens / this.blockSize);
    this.#pool.registerRange(this.#blocks[slot], this.#contentIds[slot], this.#registered[slot], full);
    this.#registered[slot] = full;
  }

  release(slot: number): void {
    this.#pool.release(this.#blocks[slot], this.#held[slot]);
    this.#held[slot] = 0;
    this.#registered[slot] = 0;
  }

  listen(listener: (contentId: number, isHeld: boolean) => void): void {
    this.#pool.onContent = listener;
  }

  holds(contentId: number): boolean {
    return this.#pool.find(contentId) !== NONE;
  }

  cachedTokens(contentIds: Int32Array, promptTokens: Tokens): Tokens {
    const findable = this.#findableBlocks(promptTokens);
    let hits = 0;
    while (hits < findable && this.#pool.find(contentIds[hits]) !== NONE) hits++;
    return hits * this.blockSize;
  }

  /**
   * Whether the request that last did not fit, all of it, certainly still does not, without looking it up again: its first
   * block that was not found still is not there, so it cannot find more than before; and even if nothing of what it finds
   * were idle, there is no room for the rest.
   */
  isStillBlocked(slot: number, totalTokens: Tokens): boolean {
    if (slot !== this.#blockedSlot) return false;
    const hits = this.#blockedHits;
    if (this.#blocksFor(totalTokens) - hits <= this.#pool.freeBlocks) return false;
    return (
      hits >= this.#findableBlocks(totalTokens) || this.#pool.find(this.#contentIds[slot][hits]) === NONE
    );
  }

  /** The last token must be computed to yield logits, so a fully cached prompt recomputes its last block. */
  #findableBlocks(totalTokens: Tokens): Blocks {
    return this.#findsBlocks ? findableBlocks(totalTokens, this.blockSize) : 0;
  }

  #blocksFor(tokens: Tokens): Blocks {
    return Math.ceil(tokens / this.blockSize);
  }
}
