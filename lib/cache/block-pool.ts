import type { Blocks } from "../base/index.js";

const NONE = -1;

/**
 * A pool of KV blocks with a prefix cache: vLLM V1's block pool (`vllm/v1/core/block_pool.py`), every operation O(1).
 *
 * A block in use has a reference count. One that nobody uses sits in the free list, from whose head allocation
 * takes; if it still holds findable content, it is evicted then and only then. A block becomes findable when it is
 * registered under its content id. Freed blocks go to the tail if they are findable (so the least recently used is
 * evicted first) and back to the head if they are not (nobody can want them).
 *
 * Content ids are dense integers: equal ids mean equal tokens from the prompt's start to the block's end.
 */
export class BlockPool {
  readonly capacityBlocks: Blocks;
  /** Registered blocks that lost their content to a new owner. */
  evictedBlocks = 0;

  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #references: Int32Array;
  readonly #contentOf: Int32Array;
  /** Blocks with the same content form a ring, so that losing one leaves the others findable. */
  readonly #twinPrevious: Int32Array;
  readonly #twinNext: Int32Array;
  #blockOf: Int32Array;
  /** Blocks never used yet: the head of the free list, without links. */
  #untouched = 0;
  #head = NONE;
  #tail = NONE;
  #free: number;

  /** @param contentCount how many content ids to make room for; more is allowed, and grows the table */
  constructor(capacityBlocks: Blocks, contentCount = 1024) {
    this.capacityBlocks = capacityBlocks;
    this.#free = capacityBlocks;
    this.#previous = new Int32Array(capacityBlocks);
    this.#next = new Int32Array(capacityBlocks);
    this.#references = new Int32Array(capacityBlocks);
    this.#contentOf = new Int32Array(capacityBlocks).fill(NONE);
    this.#twinPrevious = new Int32Array(capacityBlocks);
    this.#twinNext = new Int32Array(capacityBlocks);
    this.#blockOf = new Int32Array(Math.max(16, contentCount)).fill(NONE);
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
    return contentId < this.#blockOf.length ? this.#blockOf[contentId] : NONE;
  }

  /** True when nobody uses the block, so that acquiring it takes one from the free list. */
  isFree(block: number): boolean {
    return this.#references[block] === 0;
  }

  /** Takes a found block into use: one more reference, out of the free list if it was there. */
  acquire(block: number): void {
    if (this.#references[block] === 0) this.#unlink(block);
    this.#references[block]++;
  }

  /** {@link BlockPool.acquire} for the first `count` of these blocks, in order. */
  acquireAll(blocks: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.acquire(blocks[i]);
  }

  /** Takes a block from the head of the free list, evicting what it held. Returns -1 when there is none. */
  allocate(): number {
    if (this.#free === 0) return NONE;
    let block: number;
    // Freed blocks without content go in front of the untouched ones, so the list's head is theirs first.
    if (
      this.#head !== NONE &&
      (this.#contentOf[this.#head] === NONE || this.#untouched === this.capacityBlocks)
    ) {
      block = this.#head;
      this.#unlink(block);
      if (this.#contentOf[block] !== NONE) {
        this.#forget(block);
        this.evictedBlocks++;
      }
    } else {
      block = this.#untouched++;
      this.#free--;
    }
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
    if (contentId >= this.#blockOf.length) this.#growContents(contentId);
    this.#contentOf[block] = contentId;
    const first = this.#blockOf[contentId];
    if (first === NONE) {
      this.#blockOf[contentId] = block;
      this.#twinNext[block] = block;
      this.#twinPrevious[block] = block;
      return;
    }
    const last = this.#twinPrevious[first];
    this.#twinNext[last] = block;
    this.#twinPrevious[block] = last;
    this.#twinNext[block] = first;
    this.#twinPrevious[first] = block;
  }

  /**
   * Gives back the first `count` of a request's blocks, listed from the prompt's start. The last goes first, so that
   * the end of a chain is evicted before its beginning.
   */
  release(blocks: Int32Array, count: number): void {
    // Two passes keep vLLM's order: findable blocks to the tail, the others to the head, each last block first.
    for (let i = count - 1; i >= 0; i--) {
      const block = blocks[i];
      if (--this.#references[block] > 0 || this.#contentOf[block] === NONE) continue;
      this.#append(block);
    }
    for (let i = 0; i < count; i++) {
      const block = blocks[i];
      if (this.#references[block] === 0 && this.#contentOf[block] === NONE) this.#prepend(block);
    }
  }

  #append(block: number): void {
    this.#previous[block] = this.#tail;
    this.#next[block] = NONE;
    if (this.#tail === NONE) this.#head = block;
    else this.#next[this.#tail] = block;
    this.#tail = block;
    this.#free++;
  }

  #prepend(block: number): void {
    this.#next[block] = this.#head;
    this.#previous[block] = NONE;
    if (this.#head === NONE) this.#tail = block;
    else this.#previous[this.#head] = block;
    this.#head = block;
    this.#free++;
  }

  #unlink(block: number): void {
    const previous = this.#previous[block];
    const next = this.#next[block];
    if (previous === NONE) this.#head = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail = previous;
    else this.#previous[next] = previous;
    this.#free--;
  }

  #forget(block: number): void {
    const contentId = this.#contentOf[block];
    this.#contentOf[block] = NONE;
    const next = this.#twinNext[block];
    if (next === block) {
      this.#blockOf[contentId] = NONE;
      return;
    }
    const previous = this.#twinPrevious[block];
    this.#twinNext[previous] = next;
    this.#twinPrevious[next] = previous;
    if (this.#blockOf[contentId] === block) this.#blockOf[contentId] = next;
  }

  #growContents(contentId: number): void {
    const larger = new Int32Array(Math.max(contentId + 1, this.#blockOf.length * 2)).fill(NONE);
    larger.set(this.#blockOf);
    this.#blockOf = larger;
  }
}
