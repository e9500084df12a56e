import type { Blocks, Tokens } from "../base/index.js";
import type { Admission, KvCache } from "../cache/index.js";

/** What is told of a cache, before it does it. */
export interface CacheWatcher {
  entered(slot: number, contentIds: Int32Array, tokens: Tokens): void;
  /**
   * A request is admitted to run, or to load: then there are `lowerTokens`, and it will be admitted again.
   * @param totalTokens that it must compute or find before its next token
   */
  admitted(slot: number, admission: Admission, totalTokens: Tokens): void;
  grown(slot: number, tokens: Tokens): void;
  published(slot: number, tokens: Tokens): void;
  released(slot: number): void;
}

/** A cache that tells what is done with it, and is otherwise the one that it stands for. */
export class WatchedCache implements KvCache {
  readonly close?: NonNullable<KvCache["close"]>;
  readonly expect?: NonNullable<KvCache["expect"]>;
  readonly listen?: NonNullable<KvCache["listen"]>;
  readonly loaded?: NonNullable<KvCache["loaded"]>;
  readonly scheduled?: NonNullable<KvCache["scheduled"]>;
  readonly seatOf?: NonNullable<KvCache["seatOf"]>;
  readonly #cache: KvCache;
  readonly #watcher: CacheWatcher;
  /** The answer to {@link KvCache.fit} that an admission takes up, and what it was for. */
  #fitted: Admission | undefined;
  #fittedTotal: Tokens = 0;

  constructor(cache: KvCache, watcher: CacheWatcher) {
    this.#cache = cache;
    this.#watcher = watcher;
    // What a cache can do is told by what it has.
    if (cache.close) this.close = () => cache.close?.();
    if (cache.expect) this.expect = (slot, tokens) => cache.expect?.(slot, tokens);
    if (cache.listen) this.listen = (listener) => cache.listen?.(listener);
    if (cache.loaded) this.loaded = (slot) => cache.loaded?.(slot);
    if (cache.scheduled) this.scheduled = () => cache.scheduled?.();
    if (cache.seatOf) this.seatOf = (slot) => cache.seatOf?.(slot) as number;
  }

  get blockSize(): Tokens {
    return this.#cache.blockSize;
  }

  get capacityBlocks(): Blocks {
    return this.#cache.capacityBlocks;
  }

  get requestCapacityBlocks(): Blocks {
    return this.#cache.requestCapacityBlocks;
  }

  get freeBlocks(): Blocks {
    return this.#cache.freeBlocks;
  }

  get evictedBlocks(): Blocks {
    return this.#cache.evictedBlocks;
  }

  get isWriting(): boolean {
    return this.#cache.isWriting === true;
  }

  enter(slot: number, contentIds: Int32Array, tokens: Tokens, promptTokens?: Tokens): void {
    this.#watcher.entered(slot, contentIds, tokens);
    this.#cache.enter(slot, contentIds, tokens, promptTokens);
  }

  fit(slot: number, totalTokens: Tokens, chunkTokens: Tokens, reservesAll: boolean): Admission | undefined {
    this.#fitted = this.#cache.fit(slot, totalTokens, chunkTokens, reservesAll);
    this.#fittedTotal = totalTokens;
    return this.#fitted;
  }

  admit(slot: number): void {
    if (this.#fitted) this.#watcher.admitted(slot, this.#fitted, this.#fittedTotal);
    this.#cache.admit(slot);
  }

  grow(slot: number, tokens: Tokens): boolean {
    const hasRoom = this.#cache.grow(slot, tokens);
    if (hasRoom) this.#watcher.grown(slot, tokens);
    return hasRoom;
  }

  publish(slot: number, tokens: Tokens): void {
    this.#watcher.published(slot, tokens);
    this.#cache.publish(slot, tokens);
  }

  release(slot: number, tokens: Tokens, waitsAgain?: boolean): void {
    this.#watcher.released(slot);
    this.#cache.release(slot, tokens, waitsAgain);
  }

  holds(contentId: number): boolean {
    return this.#cache.holds(contentId);
  }

  cachedTokens(contentIds: Int32Array, promptTokens: Tokens): Tokens {
    return this.#cache.cachedTokens(contentIds, promptTokens);
  }
}
