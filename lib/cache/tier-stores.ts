import type { Blocks } from "../base/index.js";
import type { Tier } from "./tier.js";

/** What a request has left in the tiers; chunks are counted from its chain's start. */
interface Leaving {
  readonly contentIds: Int32Array;
  /** Chunks that are stored, and up to which they are to be. */
  stored: number;
  due: number;
  /** Up to which they have been offered or loaded. */
  offered: number;
  /** The first chunk that it met, and which of those after it it did not meet. */
  first: number;
  unmet: Set<number> | undefined;
}

/** A chunk on its way into a tier. */
interface Write {
  readonly tier: Tier;
  readonly chunk: number;
}

/**
 * What requests leave in the tiers behind a pool, as vLLM 0.32's offloading connector decides it (`_build_store_jobs` in
 * `vllm/distributed/kv_transfer/kv_connector/v1/offloading/scheduler.py`, `vllm/v1/kv_offload/cpu/manager.py`):
 *
 * - Once all of a step is scheduled, each request stores the chunks that it will have computed by the step's end, and those
 *   that it found in the pool; after them, each that has ended. It stores all of them or, where not enough can be given up,
 *   none, and tries again in its next step. What it loads, and what lies in the pool before that, it does not store again.
 * - What is stored can be loaded, and given up, one step later.
 * - The least recently used chunk is given up first. When a request ends, the chunks that it met become the most recent ones,
 *   the first of its chain before all others. It meets those that it stores, finds stored, or loads; not those that another
 *   one is storing just then.
 */
export class TierStores {
  readonly #tiers: readonly Tier[];
  readonly #chunkBlocks: Blocks;
  readonly #onStored: (contentIds: Int32Array, at: number) => void;
  readonly #bySlot: Leaving[] = [];
  /** Those that have something to store, in order; and those that have ended. */
  #storing: Leaving[] = [];
  #ended: Leaving[] = [];
  #writes: Write[] = [];

  /**
   * @param chunkBlocks blocks a chunk
   * @param onStored told of each chunk that a tier takes in: its chain, and its place there
   */
  constructor(
    tiers: readonly Tier[],
    chunkBlocks: Blocks,
    onStored: (contentIds: Int32Array, at: number) => void,
  ) {
    this.#tiers = tiers;
    this.#chunkBlocks = chunkBlocks;
    this.#onStored = onStored;
  }

  /** Whether chunks are on their way into a tier. */
  get isWriting(): boolean {
    return this.#writes.length > 0;
  }

  /** A request takes the slot. */
  enter(slot: number, contentIds: Int32Array): void {
    this.#bySlot[slot] = {
      contentIds,
      stored: 0,
      due: 0,
      offered: 0,
      first: contentIds.length,
      unmet: undefined,
    };
  }

  /** Its leading chunks are to be stored. */
  due(slot: number, chunks: number): void {
    const leaving = this.#bySlot[slot];
    if (chunks <= leaving.due || this.#tiers.length === 0) return;
    if (leaving.due === leaving.stored) this.#storing.push(leaving);
    leaving.due = chunks;
  }

  /** It loads these of its chunks. */
  loads(slot: number, from: number, to: number): void {
    const leaving = this.#bySlot[slot];
    if (leaving.first < from)
      for (let at = leaving.offered; at < from; at++) leaving.unmet = (leaving.unmet ?? new Set()).add(at);
    for (let at = from; at < to; at++) leaving.unmet?.delete(at);
    leaving.first = Math.min(leaving.first, from);
    leaving.stored = to;
    leaving.due = to;
    leaving.offered = Math.max(leaving.offered, to);
  }

  /** It gives up its blocks, and will come back. */
  pause(slot: number): void {
    const leaving = this.#bySlot[slot];
    if (leaving.due > leaving.stored) this.#storing.splice(this.#storing.indexOf(leaving), 1);
    leaving.due = leaving.stored;
  }

  /** It has ended, with so many leading chunks to be stored. */
  leave(slot: number, chunks: number): void {
    const leaving = this.#bySlot[slot];
    this.pause(slot);
    leaving.due = Math.max(leaving.stored, chunks);
    if (this.#tiers.length > 0) this.#ended.push(leaving);
  }

  /** All of a step is scheduled. */
  settle(): void {
    const written = this.#writes;
    const ended = this.#ended;
    if (written.length + this.#storing.length + ended.length === 0) return;
    this.#writes = [];
    this.#ended = [];
    this.#storing = this.#storing.filter((leaving) => !this.#store(leaving));
    for (const leaving of ended) this.#store(leaving);
    for (const leaving of ended) this.#renew(leaving);
    for (const { tier, chunk } of written) tier.written(chunk);
  }

  /** @returns whether all that is due is stored */
  #store(leaving: Leaving): boolean {
    const { contentIds, stored, due } = leaving;
    const [nearest] = this.#tiers;
    for (let at = stored; at < due; at++)
      if (!nearest.isBeingWritten(this.#chunkAt(contentIds, at))) leaving.unmet?.delete(at);
      else if (at >= leaving.offered) leaving.unmet = (leaving.unmet ?? new Set()).add(at);
    leaving.first = Math.min(leaving.first, stored);
    leaving.offered = Math.max(leaving.offered, due);
    let isStored = true;
    for (const tier of this.#tiers) if (!this.#storeIn(tier, contentIds, stored, due)) isStored = false;
    if (isStored) leaving.stored = due;
    return isStored;
  }

  /** All of the chunks are in the tier then, or what it holds is as it was. */
  #storeIn(tier: Tier, contentIds: Int32Array, from: number, to: number): boolean {
    const kept: number[] = [];
    const missing: number[] = [];
    for (let at = from; at < to; at++) {
      const chunk = this.#chunkAt(contentIds, at);
      if (!tier.has(chunk)) missing.push(at);
      else if (!tier.isPinned(chunk)) kept.push(chunk);
    }
    if (missing.length > tier.capacityChunks - tier.pinnedChunks - kept.length) return false;
    for (const chunk of kept) tier.pin(chunk);
    for (const at of missing) {
      const chunk = this.#chunkAt(contentIds, at);
      tier.write(chunk);
      this.#writes.push({ tier, chunk });
      this.#onStored(contentIds, at);
    }
    for (const chunk of kept) tier.unpin(chunk);
    return true;
  }

  #renew({ contentIds, first, due, unmet }: Leaving): void {
    for (let at = due - 1; at >= first; at--) {
      if (unmet?.has(at)) continue;
      const chunk = this.#chunkAt(contentIds, at);
      for (const tier of this.#tiers) if (tier.has(chunk)) tier.use(chunk);
    }
  }

  #chunkAt(contentIds: Int32Array, at: number): number {
    return contentIds[(at + 1) * this.#chunkBlocks - 1];
  }
}
