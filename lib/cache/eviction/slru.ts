import type { Eviction, EvictionPolicy } from "./eviction.js";
import { IdleList } from "./idle-list.js";

/** Part of the pool that the protected segment may hold. */
const PROTECTED_SHARE = 0.8;

/**
 * Segmented LRU (Karedla, Love and Wherry 1994, "Caching strategies to improve disk system performance"): a block whose
 * content was found again is protected, up to four fifths of the pool; beyond them the one idle for longest is on
 * probation again. Gives up the block on probation that has been idle for longest, and a protected one only when no other
 * is idle. What is sent once cannot push out what is sent again.
 */
export function slru(): EvictionPolicy {
  return { name: "slru", start: ({ capacityBlocks }) => new SegmentedLru(capacityBlocks) };
}

class SegmentedLru implements Eviction {
  readonly #probation: IdleList;
  readonly #protected: IdleList;
  readonly #protectedLimit: number;
  #protectedCount = 0;
  /** By block: whether its content was found since it was stored, and whether it is in the protected segment. */
  readonly #wasHit: Uint8Array;
  readonly #isProtected: Uint8Array;

  constructor(capacityBlocks: number) {
    this.#probation = new IdleList(capacityBlocks);
    this.#protected = new IdleList(capacityBlocks);
    this.#protectedLimit = Math.floor(PROTECTED_SHARE * capacityBlocks);
    this.#wasHit = new Uint8Array(capacityBlocks);
    this.#isProtected = new Uint8Array(capacityBlocks);
  }

  stored(block: number): void {
    this.#wasHit[block] = 0;
  }

  hit(block: number): void {
    this.#wasHit[block] = 1;
  }

  freed(block: number): void {
    if (this.#wasHit[block] === 0) {
      this.#probation.freed(block);
      return;
    }
    this.#protected.freed(block);
    this.#isProtected[block] = 1;
    if (++this.#protectedCount > this.#protectedLimit) this.#demote();
  }

  reused(block: number): void {
    if (this.#isProtected[block] === 0) this.#probation.reused(block);
    else {
      this.#protected.reused(block);
      this.#isProtected[block] = 0;
      this.#protectedCount--;
    }
  }

  victim(): number {
    const block = this.#probation.takeFirst();
    return block >= 0 ? block : this.#takeProtected();
  }

  #demote(): void {
    const block = this.#takeProtected();
    this.#wasHit[block] = 0;
    this.#probation.freed(block);
  }

  #takeProtected(): number {
    const block = this.#protected.takeFirst();
    this.#isProtected[block] = 0;
    this.#protectedCount--;
    return block;
  }
}
