import type { Blocks } from "../base/index.js";
import type { BlockPool } from "../cache/index.js";
import type { RequestSlots } from "./request-slots.js";

const NONE = -1;

/** What the head of the waiting queue finds in the prefix cache, and what it found when it last had to stay there. */
export class PrefixLookup {
  /** Leading blocks found. */
  hits: Blocks = 0;
  /** Those of them that nobody uses: taking them costs free blocks. */
  idleHits: Blocks = 0;

  readonly #slots: RequestSlots;
  readonly #pool: BlockPool;
  #blockedSlot = NONE;
  #blockedHits: Blocks = 0;

  constructor(slots: RequestSlots, pool: BlockPool) {
    this.#slots = slots;
    this.#pool = pool;
  }

  /** Looks up the leading `findable` blocks of a request; what is found goes to the front of its blocks. */
  lookUp(slot: number, findable: Blocks): void {
    const pool = this.#pool;
    const contentIds = this.#slots.contentIds[slot];
    const found = this.#slots.blocks[slot];
    let hits = 0;
    let idleHits = 0;
    for (; hits < findable; hits++) {
      const block = pool.find(contentIds[hits]);
      if (block === NONE) break;
      found[hits] = block;
      if (pool.isFree(block)) idleHits++;
    }
    this.hits = hits;
    this.idleHits = idleHits;
  }

  /** Notes that the request just looked up did not fit. */
  block(slot: number): void {
    this.#blockedSlot = slot;
    this.#blockedHits = this.hits;
  }

  /** Forgets who was blocked: the head of the queue has changed. */
  unblock(): void {
    this.#blockedSlot = NONE;
  }

  /**
   * Whether a request that was blocked certainly still is, without looking it up again: its first block that was not
   * cached still is not, so it cannot find more than before; and even if nobody had to give up a free block for what
   * it finds, there is no room for the rest.
   * @param wanted blocks that it needs to be admitted, found ones included
   */
  isStillBlocked(slot: number, findable: Blocks, wanted: Blocks): boolean {
    if (slot !== this.#blockedSlot) return false;
    const hits = this.#blockedHits;
    if (wanted - hits <= this.#pool.freeBlocks) return false;
    return hits >= findable || this.#pool.find(this.#slots.contentIds[slot][hits]) === NONE;
  }
}
