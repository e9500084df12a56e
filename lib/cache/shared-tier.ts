import type { Blocks } from "../base/index.js";
import type { KvTier } from "./kv-tier.js";
import type { Tier } from "./tier.js";

/**
 * A store that several engines share, as one of them sees it: one content, one order of use, one capacity. As in Mooncake's store,
 * what another engine is writing is not there until it is written (`PutStart` and `PutEnd` of `mooncake-store/src/master_service.cpp`),
 * and any number of engines may read a chunk at one time. What this engine itself reads or writes is on its way, as in a tier of its
 * own.
 */
export class SharedTier implements Tier {
  readonly #store: KvTier;
  /** How often this engine pins a chunk, and what it is writing. */
  readonly #pins = new Map<number, number>();
  readonly #writes = new Set<number>();

  constructor(store: KvTier) {
    this.#store = store;
  }

  get capacityChunks(): Blocks {
    return this.#store.capacityChunks;
  }

  get heldChunks(): Blocks {
    return this.#store.heldChunks;
  }

  get pinnedChunks(): Blocks {
    return this.#store.pinnedChunks;
  }

  has(chunk: number): boolean {
    return this.#store.has(chunk);
  }

  isThere(chunk: number): boolean {
    return this.#store.has(chunk) && (!this.#store.isBeingWritten(chunk) || this.#writes.has(chunk));
  }

  isPinned(chunk: number): boolean {
    return this.#store.isPinned(chunk);
  }

  isBusy(chunk: number): boolean {
    return this.#pins.has(chunk) || this.#writes.has(chunk);
  }

  isBeingWritten(chunk: number): boolean {
    return this.#store.isBeingWritten(chunk);
  }

  store(chunk: number): boolean {
    return this.#store.store(chunk);
  }

  use(chunk: number): void {
    this.#store.use(chunk);
  }

  write(chunk: number): void {
    this.#writes.add(chunk);
    this.#store.write(chunk);
  }

  written(chunk: number): void {
    this.#writes.delete(chunk);
    this.#store.written(chunk);
  }

  pin(chunk: number): void {
    this.#pins.set(chunk, (this.#pins.get(chunk) ?? 0) + 1);
    this.#store.pin(chunk);
  }

  unpin(chunk: number): void {
    const left = (this.#pins.get(chunk) as number) - 1;
    if (left > 0) this.#pins.set(chunk, left);
    else this.#pins.delete(chunk);
    this.#store.unpin(chunk);
  }

  /** The engine stops: it reads and writes nothing any more, and what it was writing is not there. */
  leave(): void {
    for (const [chunk, pins] of this.#pins) for (let k = 0; k < pins; k++) this.#store.unpin(chunk);
    for (const chunk of this.#writes) this.#store.abandon(chunk);
    this.#pins.clear();
    this.#writes.clear();
  }
}
