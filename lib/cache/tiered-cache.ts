import { type Blocks, InputError, InvariantError, requireInteger, type Tokens } from "../base/index.js";
import type { BlockCache } from "./block-cache.js";
import { grownTo } from "./grown-to.js";
import type { Admission, KvCache } from "./kv-cache.js";
import { KvTier } from "./kv-tier.js";
import { SharedTier } from "./shared-tier.js";
import type { Tier } from "./tier.js";
import { TierStores } from "./tier-stores.js";

const NONE = -1;

/** What a request has of lower tiers. */
const State = { nothing: 0, loading: 1, loaded: 2 } as const;

/** How a {@link TieredCache} is made. */
export interface TieredCacheOptions {
  readonly pool: BlockCache;
  /** Tokens that each tier holds, the one nearest to the pool first. */
  readonly tierTokens: readonly Tokens[];
  /** A store behind these which other engines share, in chunks of the same size. */
  readonly store?: KvTier;
  /** Tokens that are looked up, stored and given up as one: whole blocks. Default: one block. */
  readonly chunkTokens?: Tokens;
  /** Whether answers are stored only once they are part of a prompt. Default true. */
  readonly promptOnly?: boolean;
}

/**
 * vLLM's blocks with tiers of memory behind them, as vLLM 0.32's offloading connector has them
 * (`vllm/distributed/kv_transfer/kv_connector/v1/offloading/scheduler.py`, `vllm/v1/kv_offload`):
 *
 * - A waiting request finds its longest run in the pool. From the chunk in which that ends, whole chunks are looked up in the
 *   tiers, as far as one of them holds each. Less than a chunk is not loaded, nor what saves no computing.
 * - It is admitted to load them when the pool has room for all of its tokens, and room for the blocks that it finds and loads
 *   beside what all prefills under way still lack: requests that load cannot block one another for ever.
 * - Chunks are pinned in their tier while they are loaded. A request that would load one of these, or one that is being
 *   stored, waits: the pool will have it, or the tier.
 * - A chunk of a lower tier passes through all that are nearer and stays there. Where these are full of chunks being loaded,
 *   the run that can be loaded ends.
 * - Of a request whose KV another engine holds ({@link TieredCache.expect}), all that is not found in the pool is loaded from
 *   there, to the last token of its prompt, and nothing from the tiers: a connector between engines goes first
 *   (`get_num_new_matched_tokens` of `kv_connector/v1/nixl/pull_scheduler.py` and `multi_connector.py`).
 * - What is stored when, and given up: `tier-stores.ts` says. By default prompts alone are stored (vLLM's
 *   `offload_prompt_only`): an answer is once it is part of a prompt.
 *
 * Routers see the pool alone.
 * @example
 * ```ts
 * import { BlockCache, TieredCache } from "prefixlab/cache";
 * const pool = new BlockCache({ blockSize: 16, capacityBlocks: 4, enablePrefixCaching: true });
 * const cache = new TieredCache({ pool, tierTokens: [1024] });
 * const serve = (slot: number, firstId: number) => {
 *   cache.enter(slot, Int32Array.of(firstId, firstId + 1, firstId + 2), 60);
 *   const found = cache.fit(slot, 60, 60, true);
 *   if (found?.lowerTokens) return found.lowerTokens[0];
 *   cache.admit(slot);
 *   cache.publish(slot, 60);
 *   cache.scheduled();
 *   cache.release(slot, 60);
 *   cache.scheduled();
 *   return 0;
 * };
 * [serve(0, 0), serve(0, 10), serve(0, 0)]; // → [0, 0, 48]
 * ```
 */
export class TieredCache implements KvCache {
  readonly blockSize: Tokens;
  readonly tiers: readonly Tier[];
  readonly #shared: SharedTier | undefined;
  readonly #pool: BlockCache;
  readonly #chunkBlocks: Blocks;
  readonly #promptOnly: boolean;
  readonly #stores: TierStores;
  readonly #contentIds: Int32Array[] = [];
  /** By slot: what it has of lower tiers, the tokens that it found and loaded, and how many of these it found in the pool. */
  #state: Int32Array = new Int32Array(64);
  #loadedTokens: Int32Array = new Int32Array(64);
  #poolTokens: Int32Array = new Int32Array(64);
  /** By slot: tokens that another engine holds for it; 0 once they are loaded. */
  #remoteTokens: Int32Array = new Int32Array(64);
  /** By slot: tokens of it that go into tiers, and blocks that its prefill still lacks. */
  #storableTokens: Int32Array = new Int32Array(64);
  #lacking: Int32Array = new Int32Array(64);
  readonly #pinned: (readonly { readonly tier: Tier; readonly key: number }[])[] = [];
  /** Sum of what prefills lack. */
  #reserved: Blocks = 0;
  readonly #admission: {
    cachedTokens: Tokens;
    chunkTokens: Tokens;
    lowerTokens: readonly Tokens[] | undefined;
    remoteTokens: Tokens | undefined;
    isOnItsWay: boolean;
  } = { cachedTokens: 0, chunkTokens: 0, lowerTokens: undefined, remoteTokens: undefined, isOnItsWay: false };
  readonly #lowerTokens: Tokens[];
  /** Where chunks are several blocks: the blocks of each chunk stored, and those of the chunks that tiers hold, made when asked for. */
  readonly #blocksOf = new Map<number, Int32Array>();
  #blocksHeld: Set<number> | undefined;
  #fittedSlot = NONE;
  #fittedTotal: Tokens = 0;

  /** @throws InputError when chunks are not whole blocks */
  constructor(options: TieredCacheOptions) {
    const { pool, tierTokens, store, chunkTokens = pool.blockSize, promptOnly = true } = options;
    requireInteger("TieredCache", "chunkTokens", chunkTokens, 1);
    if (chunkTokens % pool.blockSize !== 0)
      throw new InputError(
        `TieredCache: chunks of ${chunkTokens} tokens are not whole blocks of ${pool.blockSize}: give a multiple`,
      );
    this.blockSize = pool.blockSize;
    this.#pool = pool;
    this.#chunkBlocks = chunkTokens / pool.blockSize;
    this.#shared = store && new SharedTier(store);
    this.tiers = [
      ...tierTokens.map((tokens) => new KvTier(Math.floor(tokens / chunkTokens))),
      ...(this.#shared ? [this.#shared] : []),
    ];
    this.#stores = new TierStores(this.tiers, this.#chunkBlocks, (contentIds, chunk) =>
      this.#noteBlocks(contentIds, chunk),
    );
    this.#promptOnly = promptOnly;
    this.#lowerTokens = this.tiers.map(() => 0);
  }

  get capacityBlocks(): Blocks {
    return this.#pool.capacityBlocks;
  }

  get requestCapacityBlocks(): Blocks {
    return this.#pool.requestCapacityBlocks;
  }

  get freeBlocks(): Blocks {
    return this.#pool.freeBlocks;
  }

  get evictedBlocks(): Blocks {
    return this.#pool.evictedBlocks;
  }

  get isWriting(): boolean {
    return this.#stores.isWriting;
  }

  enter(slot: number, contentIds: Int32Array, tokens: Tokens, promptTokens: Tokens = tokens): void {
    if (slot >= this.#state.length) {
      this.#state = grownTo(this.#state, slot + 1);
      this.#loadedTokens = grownTo(this.#loadedTokens, slot + 1);
      this.#poolTokens = grownTo(this.#poolTokens, slot + 1);
      this.#remoteTokens = grownTo(this.#remoteTokens, slot + 1);
      this.#storableTokens = grownTo(this.#storableTokens, slot + 1);
      this.#lacking = grownTo(this.#lacking, slot + 1);
    }
    this.#contentIds[slot] = contentIds;
    this.#remoteTokens[slot] = 0;
    this.#storableTokens[slot] = this.#promptOnly ? promptTokens : tokens;
    this.#stores.enter(slot, contentIds);
    this.#pool.enter(slot, contentIds, tokens);
  }

  expect(slot: number, tokens: Tokens): void {
    this.#remoteTokens[slot] = tokens;
  }

  fit(slot: number, totalTokens: Tokens, chunkTokens: Tokens, reservesAll: boolean): Admission | undefined {
    this.#fittedSlot = slot;
    this.#fittedTotal = totalTokens;
    const admission = this.#admission;
    admission.isOnItsWay = false;
    admission.lowerTokens = undefined;
    admission.remoteTokens = undefined;
    if (this.#state[slot] === State.loaded) {
      const cached = usableTokens(this.#loadedTokens[slot], totalTokens);
      const chunk = Math.min(totalTokens - cached, chunkTokens);
      const lacking =
        this.#blocksFor(reservesAll ? totalTokens : cached + chunk) - this.#pool.heldBlocks(slot);
      return lacking > this.#pool.freeBlocks ? this.#refuse() : this.#answer(cached, chunk);
    }
    // While nothing is pinned, nothing can be on its way: what the pool has no room for is looked up nowhere.
    if (reservesAll && this.tiers.every(({ pinnedChunks }) => pinnedChunks === 0))
      if (this.#pool.isStillBlocked(slot, totalTokens)) return this.#refuse();
    const found = this.#pool.cachedTokens(this.#contentIds[slot], totalTokens);
    const remote = this.#remoteTokens[slot];
    const lower = remote > 0 ? remote - found : this.#findLower(this.#contentIds[slot], found, totalTokens);
    if (admission.isOnItsWay) return this.#answer(found, 0);
    const fitted = this.#pool.fit(
      slot,
      totalTokens,
      lower > 0 ? lower : chunkTokens,
      reservesAll || lower > 0,
    );
    if (fitted === undefined) return this.#refuse();
    if (lower === 0) return this.#answer(found, fitted.chunkTokens);
    if (this.#pool.fittedBlocks > this.#pool.freeBlocks - this.#reserved) return this.#refuse();
    if (remote > 0) admission.remoteTokens = lower;
    else admission.lowerTokens = this.#lowerTokens;
    return this.#answer(found, 0);
  }

  admit(slot: number): void {
    if (slot !== this.#fittedSlot || this.#admission.isOnItsWay)
      throw new InvariantError(`TieredCache.admit: slot ${slot} was not the last to fit`);
    this.#fittedSlot = NONE;
    const { cachedTokens, chunkTokens, lowerTokens, remoteTokens } = this.#admission;
    if (this.#state[slot] === State.loaded) {
      if (!this.grow(slot, cachedTokens + chunkTokens))
        throw new InvariantError(`TieredCache.admit: no room for slot ${slot}, although it fitted`);
      return;
    }
    this.#pool.admit(slot);
    this.#setLacking(slot, this.#blocksFor(this.#fittedTotal) - this.#pool.heldBlocks(slot));
    if (remoteTokens) {
      this.#remoteTokens[slot] = 0;
      this.#state[slot] = State.loading;
      this.#loadedTokens[slot] = cachedTokens + remoteTokens;
      this.#pinned[slot] = [];
      return;
    }
    if (!lowerTokens) return;
    const there = lowerTokens.reduce((sum, tokens) => sum + tokens, cachedTokens);
    this.#state[slot] = State.loading;
    this.#poolTokens[slot] = cachedTokens;
    this.#loadedTokens[slot] = there;
    this.#stores.loads(slot, this.#chunksIn(cachedTokens), this.#chunksIn(there));
    this.#pinLoaded(slot);
  }

  loaded(slot: number): void {
    if (this.#state[slot] !== State.loading)
      throw new InvariantError(`TieredCache.loaded: slot ${slot} does not load`);
    this.#unpinLoaded(slot);
    this.#state[slot] = State.loaded;
    this.#pool.publish(slot, this.#loadedTokens[slot]);
  }

  grow(slot: number, tokens: Tokens): boolean {
    const before = this.#pool.heldBlocks(slot);
    if (!this.#pool.grow(slot, tokens)) return false;
    const lacking = this.#lacking[slot];
    if (lacking > 0) this.#setLacking(slot, Math.max(0, lacking - (this.#pool.heldBlocks(slot) - before)));
    return true;
  }

  publish(slot: number, tokens: Tokens): void {
    this.#pool.publish(slot, tokens);
    this.#stores.due(slot, this.#storableChunks(slot, tokens));
  }

  release(slot: number, tokens: Tokens, waitsAgain = false): void {
    if (this.#state[slot] === State.loading) this.#unpinLoaded(slot);
    this.#state[slot] = State.nothing;
    this.#setLacking(slot, 0);
    if (waitsAgain) this.#stores.pause(slot);
    else this.#stores.leave(slot, this.#storableChunks(slot, tokens));
    this.#pool.release(slot);
  }

  /** Of the pool alone. */
  listen(listener: (contentId: number, isHeld: boolean) => void): void {
    this.#pool.listen(listener);
  }

  /** The engine stops: what it was loading and storing in a shared store is given up. */
  close(): void {
    this.#shared?.leave();
  }

  scheduled(): void {
    this.#stores.settle();
  }

  holds(contentId: number): boolean {
    if (this.#pool.holds(contentId)) return true;
    if (this.#chunkBlocks === 1) return this.#isStored(contentId);
    if (this.#blocksHeld === undefined) {
      for (const key of this.#blocksOf.keys()) if (!this.#isStored(key)) this.#blocksOf.delete(key);
      this.#blocksHeld = new Set([...this.#blocksOf.values()].flatMap((ids) => [...ids]));
    }
    return this.#blocksHeld.has(contentId);
  }

  cachedTokens(contentIds: Int32Array, promptTokens: Tokens): Tokens {
    return this.#pool.cachedTokens(contentIds, promptTokens);
  }

  #answer(cachedTokens: Tokens, chunkTokens: Tokens): Admission {
    this.#admission.cachedTokens = cachedTokens;
    this.#admission.chunkTokens = chunkTokens;
    return this.#admission;
  }

  #refuse(): undefined {
    this.#fittedSlot = NONE;
    return undefined;
  }

  /**
   * Tokens after those found in the pool that tiers hold, into `#lowerTokens` by tier.
   * @returns their sum
   */
  #findLower(contentIds: Int32Array, foundTokens: Tokens, totalTokens: Tokens): Tokens {
    const lower = this.#lowerTokens.fill(0);
    const [nearest] = this.tiers;
    const first = this.#chunksIn(foundTokens);
    const end = this.#chunksIn(totalTokens);
    const chunkTokens = this.#chunkBlocks * this.blockSize;
    let isOnItsWay = false;
    let chunk = first;
    let from = foundTokens;
    for (; chunk < end; chunk++) {
      const key = this.#keyOf(contentIds, chunk);
      const tier = this.tiers.findIndex((one) => one.isThere(key));
      if (tier === NONE) break;
      if (tier > 0 && nearest.pinnedChunks + chunk - first >= nearest.capacityChunks) break;
      isOnItsWay ||= this.tiers[tier].isBusy(key);
      lower[tier] += (chunk + 1) * chunkTokens - from;
      from = (chunk + 1) * chunkTokens;
    }
    const saved = usableTokens(from, totalTokens) - foundTokens;
    if (from - foundTokens < chunkTokens || saved <= 0) return 0;
    this.#admission.isOnItsWay = isOnItsWay;
    return from - foundTokens;
  }

  /** What a request loads stays in its tier meanwhile, and in all that it passes through. */
  #pinLoaded(slot: number): void {
    const contentIds = this.#contentIds[slot];
    const keys: number[] = [];
    const end = this.#chunksIn(this.#loadedTokens[slot]);
    for (let chunk = this.#chunksIn(this.#poolTokens[slot]); chunk < end; chunk++)
      keys.push(this.#keyOf(contentIds, chunk));
    const pinned: { readonly tier: Tier; readonly key: number }[] = [];
    const pin = (tier: Tier, key: number) => {
      tier.pin(key);
      pinned.push({ tier, key });
    };
    for (const key of keys) for (const tier of this.tiers) if (tier.isThere(key)) pin(tier, key);
    for (const key of keys) {
      const from = this.tiers.findIndex((tier) => tier.isThere(key));
      for (const tier of this.tiers.slice(0, from).reverse()) if (tier.store(key)) pin(tier, key);
    }
    this.#pinned[slot] = pinned;
  }

  #unpinLoaded(slot: number): void {
    for (const { tier, key } of this.#pinned[slot]) tier.unpin(key);
    this.#pinned[slot] = [];
  }

  #storableChunks(slot: number, tokens: Tokens): number {
    return this.#chunksIn(Math.min(tokens, this.#storableTokens[slot]));
  }

  #noteBlocks(contentIds: Int32Array, chunk: number): void {
    if (this.#chunkBlocks === 1) return;
    this.#blocksHeld = undefined;
    const blocks = contentIds.slice(chunk * this.#chunkBlocks, (chunk + 1) * this.#chunkBlocks);
    this.#blocksOf.set(this.#keyOf(contentIds, chunk), blocks);
  }

  #isStored(key: number): boolean {
    return this.tiers.some((tier) => tier.has(key));
  }

  #setLacking(slot: number, blocks: Blocks): void {
    this.#reserved += blocks - this.#lacking[slot];
    this.#lacking[slot] = blocks;
  }

  #keyOf(contentIds: Int32Array, chunk: number): number {
    return contentIds[(chunk + 1) * this.#chunkBlocks - 1];
  }

  #chunksIn(tokens: Tokens): number {
    return Math.floor(tokens / (this.#chunkBlocks * this.blockSize));
  }

  #blocksFor(tokens: Tokens): Blocks {
    return Math.ceil(tokens / this.blockSize);
  }
}

/** The last token must be computed to yield logits, also where all of the prompt is there. */
function usableTokens(thereTokens: Tokens, totalTokens: Tokens): Tokens {
  return Math.min(thereTokens, totalTokens - 1);
}
