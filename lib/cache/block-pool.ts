import { type Blocks, describeValue, InputError, type RandomStream, stream } from "../base/index.js";
import { ContentTable } from "./content-table.js";
import type { Eviction, EvictionPolicy } from "./eviction/eviction.js";
import { lru } from "./eviction/lru.js";

const NONE = -1;

/**
 * A pool of KV blocks with a prefix cache: vLLM V1's block pool (`vllm/v1/core/block_pool.py`), every operation O(1)
 * but for what the eviction policy does.
 *
 * A block in use has a reference count. Allocation takes one that nobody uses: blocks without content first, those
 * freed last before those never used; then the one that the eviction policy gives up, whose content can be found until
 * then. A block becomes findable when it is registered under its content id.
 *
 * Content ids are dense integers: equal ids mean equal tokens from the prompt's start to the block's end.
 */
export class BlockPool {
  readonly capacityBlocks: Blocks;
  /** Registered blocks that lost their content to a new owner. */
  evictedBlocks = 0;
  /** Told of contents that can be found from now on, or no longer. */
  onContent: ((contentId: number, isHeld: boolean) => void) | undefined;

  readonly #references: Int32Array;
  readonly #contentOf: Int32Array;
  /** Blocks with the same content form a ring, so that losing one leaves the others findable. */
  readonly #twinPrevious: Int32Array;
  readonly #twinNext: Int32Array;
  /** The first of each ring. */
  readonly #blockOf: ContentTable;
  /** Freed blocks without content, the last one freed on top; they are in no ring, so `#twinNext` names the one below. */
  #blankTop = NONE;
  /** Blocks never used: this one and all after it. */
  #untouched = 0;
  #free: number;
  readonly #policyName: string;
  readonly #eviction: Eviction;
  readonly #tellsStored: boolean;
  readonly #tellsHits: boolean;

  /**
   * @param contentCount how many content ids to make room for; more is allowed, and grows the table
   * @param policy which idle block is given up first
   * @param random what the policy draws from
   */
  constructor(
    capacityBlocks: Blocks,
    contentCount = 1024,
    policy: EvictionPolicy = lru(),
    random: RandomStream = stream(0, "eviction"),
  ) {
    this.capacityBlocks = capacityBlocks;
    this.#free = capacityBlocks;
    this.#references = new Int32Array(capacityBlocks);
    this.#contentOf = new Int32Array(capacityBlocks).fill(NONE);
    this.#twinPrevious = new Int32Array(capacityBlocks);
    this.#twinNext = new Int32Array(capacityBlocks);
    this.#blockOf = new ContentTable(contentCount);
    this.#policyName = policy.name;
    this.#eviction = policy.start({ capacityBlocks, random });
    this.#tellsStored = this.#eviction.stored !== undefined;
    this.#tellsHits = this.#eviction.hit !== undefined;
  }

  /** Blocks that can be allocated: never used, or used by nobody (their content may still be findable). */
  get freeBlocks(): Blocks {
    return this.#free;
  }

  /** Blocks held by at least one request. */
  get usedBlocks(): Blocks {
    return this.capacityBlocks - this.#free;
  }

  /** The block that holds this content, or -1. Taking it into use is {@link BlockPool.acquire}. */
  find(contentId: number): number {
    return this.#blockOf.find(contentId);
  }

  /**
   * The blocks that hold the first contents of a chain, into `blocks`, up to the first that none holds.
   * @param limit of the chain, at most so many
   * @returns how many
   */
  findLeading(contentIds: Int32Array, limit: Blocks, blocks: Int32Array): Blocks {
    return this.#blockOf.findLeading(contentIds, limit, blocks);
  }

  /** How many of the first `count` of these blocks nobody uses. */
  freeAmong(blocks: Int32Array, count: Blocks): Blocks {
    const references = this.#references;
    let free = 0;
    for (let i = 0; i < count; i++) if (references[blocks[i]] === 0) free++;
    return free;
  }

  /** True when nobody uses the block, so that acquiring it takes one from the free ones. */
  isFree(block: number): boolean {
    return this.#references[block] === 0;
  }

  /** Takes a found block into use: one more reference; it is idle no more if it was. */
  acquire(block: number): void {
    const references = this.#references;
    const before = references[block];
    references[block] = before + 1;
    if (before === 0) {
      this.#free--;
      this.#eviction.reused(block);
    }
    if (this.#tellsHits) this.#eviction.hit!(block);
  }

  /** {@link BlockPool.acquire} for the first `count` of these blocks, in order. */
  acquireAll(blocks: Int32Array, count: number): void {
    const references = this.#references;
    const eviction = this.#eviction;
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const block = blocks[i];
      if (references[block]++ === 0) {
        taken++;
        eviction.reused(block);
      }
      if (this.#tellsHits) eviction.hit!(block);
    }
    this.#free -= taken;
  }

  /**
   * Takes a block that nobody uses, evicting what it held. Returns -1 when there is none.
   * @throws InputError when the eviction policy names a block that is not idle
   */
  allocate(): number {
    if (this.#free === 0) return NONE;
    let block: number;
    if (this.#blankTop !== NONE) {
      block = this.#blankTop;
      this.#blankTop = this.#twinNext[block];
    } else if (this.#untouched < this.capacityBlocks) block = this.#untouched++;
    else block = this.#evict();
    this.#free--;
    this.#references[block] = 1;
    return block;
  }

  /** {@link BlockPool.allocate} for `count` blocks, which go to `blocks` from index `from` on; there must be as many. */
  allocateInto(blocks: Int32Array, from: number, count: Blocks): void {
    for (let i = from; i < from + count; i++) blocks[i] = this.allocate();
  }

  /** {@link BlockPool.register} for the blocks from index `from` up to, not including, `to`. */
  registerRange(blocks: Int32Array, contentIds: Int32Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.register(blocks[i], contentIds[i]);
  }

  /** Makes a block in use findable under a content id. A second block with the same content stays a spare. */
  register(block: number, contentId: number): void {
    if (this.#contentOf[block] !== NONE) return;
    this.#contentOf[block] = contentId;
    if (this.#tellsStored) this.#eviction.stored!(block, contentId);
    const first = this.#blockOf.find(contentId);
    if (first === NONE) {
      this.#blockOf.add(contentId, block);
      this.#twinNext[block] = block;
      this.#twinPrevious[block] = block;
      this.onContent?.(contentId, true);
      return;
    }
    const last = this.#twinPrevious[first];
    this.#twinNext[last] = block;
    this.#twinPrevious[block] = last;
    this.#twinNext[block] = first;
    this.#twinPrevious[first] = block;
  }

  /**
   * Gives back the first `count` of a request's blocks, listed from the prompt's start. The last becomes idle first, so
   * that the end of a chain is evicted before its beginning.
   */
  release(blocks: Int32Array, count: number): void {
    const references = this.#references;
    const contentOf = this.#contentOf;
    const eviction = this.#eviction;
    let idle = 0;
    let blank = 0;
    for (let i = count - 1; i >= 0; i--) {
      const block = blocks[i];
      if (--references[block] > 0) continue;
      const contentId = contentOf[block];
      if (contentId === NONE) blank++;
      else {
        idle++;
        eviction.freed(block, contentId);
      }
    }
    this.#free += idle + blank;
    if (blank > 0) this.#releaseBlank(blocks, count);
  }

  /** A pass of its own keeps vLLM's order: of a request's blocks without content, the last is used again first. */
  #releaseBlank(blocks: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const block = blocks[i];
      if (this.#references[block] > 0 || this.#contentOf[block] !== NONE) continue;
      this.#twinNext[block] = this.#blankTop;
      this.#blankTop = block;
    }
  }

  #evict(): number {
    const block = this.#eviction.victim();
    // A free block without content is none of the policy's, and does not exist by now.
    if (this.#references[block] !== 0)
      throw new InputError(
        `eviction policy "${this.#policyName}": victim() returned ${describeValue(block)}, which is no idle block: it must name one that was freed and not reused since`,
      );
    this.#forget(block);
    this.evictedBlocks++;
    return block;
  }

  #forget(block: number): void {
    const contentId = this.#contentOf[block];
    this.#contentOf[block] = NONE;
    const next = this.#twinNext[block];
    if (next === block) {
      this.#blockOf.remove(contentId);
      this.onContent?.(contentId, false);
      return;
    }
    const previous = this.#twinPrevious[block];
    this.#twinNext[previous] = next;
    this.#twinPrevious[next] = previous;
    if (this.#blockOf.find(contentId) === block) this.#blockOf.move(contentId, next);
  }
}
