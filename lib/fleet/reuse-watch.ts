import { type Blocks, stream, type Tokens } from "../base/index.js";
import { type Admission, BlockCache, evictionPolicy, type KvCache } from "../cache/index.js";
import {
  type EngineOptions,
  type EngineRequest,
  lowerTiers,
  type SimulationRun,
  type WatchCache,
} from "../engine/index.js";
import { ReplicaSets } from "./replica-sets.js";
import { type CacheWatcher, WatchedCache } from "./watched-cache.js";

/**
 * Where the prompt tokens of a fleet's requests could have been found, and were: each request at its first admission, in the
 * order and at the times of the run. Offered is no less than routed, and routed no less than delivered, for every request.
 *
 * - *Offered*: the longest leading run of full blocks that any replica had computed, or was given to compute, before: what one
 *   pool that never gives up a block would have had then.
 * - *Routed*: the same of the request's own replica: as if its pool never gave up a block. Offered less routed is lost to
 *   routing.
 * - *Delivered*: what it found, in a store that all share as well: then another replica may have computed it, and it counts as
 *   routed. Routed less delivered is lost to eviction, with what a stopped replica lost, and where caches
 *   are seats, with what was in another's.
 * - *Pooled*: what it would have found if all replicas kept their blocks in one pool of their total size: the same requests
 *   hold the same tokens at the same times. With one replica, what is delivered.
 *
 * Where prefills are apart, a request is looked at where its prompt is computed; blocks that a decode engine reads are its own from
 * then on.
 *
 * A run in which more is found goes on otherwise; these are sides of this one.
 */
export interface FleetReuse {
  /** Of the requests that were admitted. */
  readonly promptTokens: Tokens;
  readonly offeredTokens: Tokens;
  readonly routedTokens: Tokens;
  readonly deliveredTokens: Tokens;
  /** Undefined where several replicas have tiers behind their pools, or seats, or prefills are apart. */
  readonly pooledTokens?: Tokens;
  /** By request, tokens; -1 where it was never admitted. */
  readonly byRequest: {
    readonly offered: Int32Array;
    readonly routed: Int32Array;
    readonly delivered: Int32Array;
    readonly pooled?: Int32Array;
  };
}

/**
 * Follows what the caches of a run are asked, and tells {@link FleetReuse} of it. Made for one run; `replay` makes its own with
 * `tellsReuse`.
 * @example
 * ```ts
 * import { latencyProfile } from "prefixlab";
 * import { engineOptions } from "prefixlab/engine";
 * import { ReuseWatch, runFleet } from "prefixlab/fleet";
 * const contentIds = Int32Array.from({ length: 64 }, (_, block) => block);
 * const requests = [0, 1000, 2000].map((fireAtMs) => ({ promptTokens: 1000, outputTokens: 1, contentIds, fireAtMs }));
 * const watch = new ReuseWatch({ requests, replicas: 2, engine: engineOptions() });
 * const model = latencyProfile("h200-qwen3-8b");
 * const run = runFleet({ requests, model, replicas: 2, watchCache: watch.watchCache });
 * const { offeredTokens, routedTokens, deliveredTokens } = watch.reuse(run);
 * [offeredTokens, routedTokens, deliveredTokens]; // → [1984, 992, 992]
 * ```
 */
export class ReuseWatch {
  readonly #requests: readonly EngineRequest[];
  readonly #replicas: number;
  readonly #engine: EngineOptions;
  readonly #computed: ReplicaSets;
  readonly #offered: Int32Array;
  readonly #routed: Int32Array;
  readonly #pooled: Int32Array | undefined;
  readonly #common: CommonPool | undefined;

  /**
   * @param options as the run's; `prefillReplicas`, engines that compute prompts for the others; `contentCount`, how many content ids
   * there are, if known
   */
  constructor(options: {
    readonly requests: readonly EngineRequest[];
    readonly replicas: number;
    readonly prefillReplicas?: number;
    readonly engine: EngineOptions;
    readonly contentCount?: number;
  }) {
    const { requests, prefillReplicas = 0, engine, contentCount } = options;
    const replicas = options.replicas + prefillReplicas;
    const isPools =
      prefillReplicas === 0 && engine.prefixReuse !== "slots" && lowerTiers(engine).length === 0;
    this.#requests = requests;
    this.#replicas = replicas;
    this.#engine = engine;
    this.#computed = new ReplicaSets(replicas, contentCount);
    this.#offered = new Int32Array(requests.length).fill(-1);
    this.#routed = new Int32Array(requests.length).fill(-1);
    if (replicas === 1 || !isPools) return;
    this.#pooled = new Int32Array(requests.length).fill(-1);
    this.#common = new CommonPool(engine, replicas, contentCount);
  }

  /** To be given to the run. */
  readonly watchCache: WatchCache = (cache, replica, requestOf): KvCache =>
    new WatchedCache(cache, this.#watcher(replica, requestOf));

  /** What came of it, when the run is over. */
  reuse(run: Pick<SimulationRun, "cachedTokens">): FleetReuse {
    const offered = this.#offered;
    const routed = this.#routed;
    const delivered = run.cachedTokens;
    const pooled = this.#replicas === 1 ? delivered : this.#pooled;
    const promptTokens = this.#requests.reduce(
      (sum, request, i) => sum + (delivered[i] < 0 ? 0 : request.promptTokens),
      0,
    );
    return {
      promptTokens,
      offeredTokens: total(offered),
      routedTokens: total(routed),
      deliveredTokens: total(delivered),
      ...(pooled && { pooledTokens: total(pooled) }),
      byRequest: { offered, routed, delivered, ...(pooled && { pooled }) },
    };
  }

  #watcher(replica: number, requestOf: (slot: number) => number): CacheWatcher {
    const computed = this.#computed;
    const common = this.#common;
    const { blockSize, enablePrefixCaching } = this.#engine;
    /** By slot: its chain, and how many of its blocks are known to be computed. */
    const chains: Int32Array[] = [];
    const computedBlocks: Blocks[] = [];
    const place = (slot: number) => slot * this.#replicas + replica;
    return {
      entered: (slot, contentIds, tokens) => {
        chains[slot] = contentIds;
        computedBlocks[slot] = 0;
        common?.enter(place(slot), contentIds, tokens);
      },
      admitted: (slot, admission, totalTokens) => {
        if (admission.lowerTokens) return;
        const request = requestOf(slot);
        if (admission.remoteTokens) {
          const blocks = Math.floor((admission.cachedTokens + admission.remoteTokens) / blockSize);
          if (enablePrefixCaching) for (let k = 0; k < blocks; k++) computed.add(chains[slot][k], replica);
          return;
        }
        if (this.#offered[request] < 0) this.#look(request, replica, chains[slot], admission.cachedTokens);
        computedBlocks[slot] = Math.floor(admission.cachedTokens / blockSize);
        const pooled = common?.admit(place(slot), chains[slot], admission, totalTokens);
        if (pooled !== undefined && this.#pooled && this.#pooled[request] < 0) this.#pooled[request] = pooled;
      },
      grown: (slot, tokens) => common?.grow(place(slot), tokens),
      published: (slot, tokens) => {
        common?.publish(place(slot), tokens);
        if (!enablePrefixCaching) return;
        const blocks = Math.floor(tokens / blockSize);
        for (let k = computedBlocks[slot]; k < blocks; k++) computed.add(chains[slot][k], replica);
        computedBlocks[slot] = Math.max(computedBlocks[slot], blocks);
      },
      released: (slot) => {
        computedBlocks[slot] = 0;
        common?.release(place(slot));
      },
    };
  }

  /** What a request finds, and what it would where nothing is ever given up. */
  #look(request: number, replica: number, chain: Int32Array, cachedTokens: Tokens): void {
    const { blockSize, enablePrefixCaching } = this.#engine;
    const computed = this.#computed;
    const findable = enablePrefixCaching
      ? Math.floor((this.#requests[request].promptTokens - 1) / blockSize)
      : 0;
    let k = Math.floor(cachedTokens / blockSize);
    while (k < findable && computed.has(chain[k], replica)) k++;
    // Seats and tiers may give the part of a block that a prompt ends in.
    this.#routed[request] = Math.max(cachedTokens, k * blockSize);
    while (k < findable && !computed.isEmpty(chain[k])) k++;
    this.#offered[request] = Math.max(cachedTokens, k * blockSize);
  }
}

/** The blocks of all replicas in one pool of their total size. A request that it has no room for holds none of it. */
class CommonPool {
  readonly #pool: BlockCache;
  /** By slot: whether it holds its blocks here, and how many tokens can be found. */
  readonly #isIn: boolean[] = [];
  readonly #published: Tokens[] = [];

  constructor(engine: EngineOptions, replicas: number, contentCount: number | undefined) {
    this.#pool = new BlockCache({
      blockSize: engine.blockSize,
      capacityBlocks: replicas * engine.kvCacheBlocks,
      enablePrefixCaching: engine.enablePrefixCaching,
      ...(contentCount !== undefined && { contentCount }),
      eviction: evictionPolicy(engine.eviction),
      random: stream("pooled", "eviction"),
    });
  }

  enter(slot: number, contentIds: Int32Array, tokens: Tokens): void {
    this.#isIn[slot] = false;
    this.#pool.enter(slot, contentIds, tokens);
  }

  /** @returns tokens found */
  admit(
    slot: number,
    contentIds: Int32Array,
    { cachedTokens, chunkTokens }: Admission,
    totalTokens: Tokens,
  ): Tokens {
    const found = this.#pool.cachedTokens(contentIds, totalTokens);
    this.#isIn[slot] = this.#pool.fit(slot, totalTokens, 0, false) !== undefined;
    if (this.#isIn[slot]) this.#pool.admit(slot);
    this.#published[slot] = found;
    this.grow(slot, cachedTokens + chunkTokens);
    return found;
  }

  grow(slot: number, tokens: Tokens): void {
    if (this.#isIn[slot] && !this.#pool.grow(slot, tokens)) this.release(slot);
  }

  publish(slot: number, tokens: Tokens): void {
    if (!this.#isIn[slot] || tokens <= this.#published[slot]) return;
    this.#pool.publish(slot, tokens);
    this.#published[slot] = tokens;
  }

  release(slot: number): void {
    if (this.#isIn[slot]) this.#pool.release(slot);
    this.#isIn[slot] = false;
  }
}

function total(tokens: Int32Array): Tokens {
  return tokens.reduce((sum, count) => sum + Math.max(0, count), 0);
}
