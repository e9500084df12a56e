import { type Blocks, InvariantError } from "../base/index.js";
import { grownTo } from "./grown-to.js";
import type { Tier } from "./tier.js";

const NONE = -1;

/**
 * A tier of memory behind the pool: content in chunks of one size, the least recently used given up first. A chunk that is
 * being loaded or written is pinned, and stays; its place among the others moves all the same. As vLLM's CPU tier does
 * (`vllm/v1/kv_offload/cpu/manager.py` and `policies/lru.py`); every operation O(1) but for passing over pinned chunks.
 * @example
 * ```ts
 * import { KvTier } from "prefixlab/cache";
 * const tier = new KvTier(2);
 * for (const chunk of [7, 8, 9]) tier.store(chunk);
 * [7, 8, 9].map((chunk) => tier.has(chunk)); // → [false, true, true]
 * ```
 */
export class KvTier implements Tier {
  readonly capacityChunks: Blocks;
  /** Chunks held, those of them that are pinned, and chunks given up so far. */
  heldChunks = 0;
  pinnedChunks = 0;
  evictedChunks = 0;
  /** By chunk: its neighbours in the order of use, and how many loads pin it; -1 where it is not held. */
  #older: Int32Array = new Int32Array(1024);
  #newer: Int32Array = new Int32Array(1024);
  #pins: Int32Array = new Int32Array(1024).fill(NONE);
  #oldest = NONE;
  #newest = NONE;
  /** All that are older than this one are pinned: where the search for a victim begins. */
  #searchFrom = NONE;
  readonly #beingWritten = new Set<number>();

  constructor(capacityChunks: Blocks) {
    this.capacityChunks = capacityChunks;
  }

  has(chunk: number): boolean {
    return chunk < this.#pins.length && this.#pins[chunk] !== NONE;
  }

  isThere(chunk: number): boolean {
    return this.has(chunk);
  }

  isBusy(chunk: number): boolean {
    return this.isPinned(chunk);
  }

  isPinned(chunk: number): boolean {
    return chunk < this.#pins.length && this.#pins[chunk] > 0;
  }

  /**
   * Takes in a chunk that it does not hold, as the most recent one; another one leaves for it where it is full.
   * @returns false where all others are pinned: nothing has changed
   */
  store(chunk: number): boolean {
    if (this.heldChunks === this.capacityChunks && !this.#evict()) return false;
    this.#makeRoomFor(chunk);
    this.#pins[chunk] = 0;
    this.#append(chunk);
    this.heldChunks++;
    return true;
  }

  /** Makes a chunk that it holds the most recent one. */
  use(chunk: number): void {
    if (this.#newest === chunk) return;
    this.#unlink(chunk);
    this.#append(chunk);
  }

  /** Takes in a chunk that stays, and is not to be read, until it is {@link KvTier.written}. */
  write(chunk: number): void {
    if (!this.store(chunk)) throw new InvariantError("KvTier.write: all that it holds is pinned");
    this.pin(chunk);
    this.#beingWritten.add(chunk);
  }

  written(chunk: number): void {
    this.#beingWritten.delete(chunk);
    this.unpin(chunk);
  }

  /** What was being written will not be there after all. */
  abandon(chunk: number): void {
    this.written(chunk);
    if (this.#pins[chunk] > 0) return;
    this.#drop(chunk);
  }

  isBeingWritten(chunk: number): boolean {
    return this.#beingWritten.has(chunk);
  }

  pin(chunk: number): void {
    if (this.#pins[chunk]++ === 0) this.pinnedChunks++;
  }

  unpin(chunk: number): void {
    if (--this.#pins[chunk] > 0) return;
    this.pinnedChunks--;
    this.#searchFrom = this.#oldest;
  }

  #evict(): boolean {
    if (this.pinnedChunks === this.capacityChunks) return false;
    let victim = this.#searchFrom;
    while (this.#pins[victim] > 0) victim = this.#newer[victim];
    this.#searchFrom = victim;
    this.#drop(victim);
    this.evictedChunks++;
    return true;
  }

  #drop(chunk: number): void {
    this.#unlink(chunk);
    this.#pins[chunk] = NONE;
    this.heldChunks--;
  }

  #append(chunk: number): void {
    this.#older[chunk] = this.#newest;
    this.#newer[chunk] = NONE;
    if (this.#newest === NONE) this.#oldest = chunk;
    else this.#newer[this.#newest] = chunk;
    this.#newest = chunk;
    if (this.#searchFrom === NONE) this.#searchFrom = chunk;
  }

  #unlink(chunk: number): void {
    const older = this.#older[chunk];
    const newer = this.#newer[chunk];
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (this.#searchFrom === chunk) this.#searchFrom = newer;
  }

  #makeRoomFor(chunk: number): void {
    if (chunk < this.#pins.length) return;
    const before = this.#pins.length;
    this.#older = grownTo(this.#older, chunk + 1);
    this.#newer = grownTo(this.#newer, chunk + 1);
    this.#pins = grownTo(this.#pins, chunk + 1).fill(NONE, before);
  }
}
