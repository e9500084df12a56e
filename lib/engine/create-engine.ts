import { stream } from "../base/index.js";
import {
  BlockCache,
  evictionPolicy,
  type KvCache,
  type KvTier,
  SlotCache,
  TieredCache,
} from "../cache/index.js";
import type { StepTimer } from "../latency/index.js";
import { EngineCore } from "./engine-core.js";
import { type EngineOptions, engineOptions } from "./engine-options.js";
import { type LowerTier, lowerTiers } from "./lower-tiers.js";
import { orderingPolicy } from "./orderings/index.js";
import { sharedStore } from "./shared-store.js";

/** What an engine is made with beside its settings. */
export interface EngineExtra {
  /** What policies with draws of their own draw from. */
  readonly seed?: number | string;
  /** How many content ids there will be, if known. */
  readonly contentCount?: number;
  /** Whether KV comes to it from other engines, or is kept there for them: vLLM's blocks only. */
  readonly sharesKv?: boolean;
  /** Where the settings name a shared store: that which others share, too. Default: one of its own. */
  readonly store?: KvTier;
  /** Puts something between the scheduler and the cache; told the tag of the request that a slot stands for. */
  readonly watchCache?: (cache: KvCache, tagOf: (slot: number) => number) => KvCache;
}

/**
 * The engine that the options ask for: a scheduler with vLLM's blocks or llama.cpp's seats, an ordering and a timer.
 * @throws InputError see {@link engineOptions}
 */
export function createEngine(
  given: Partial<EngineOptions>,
  timer: StepTimer,
  extra: EngineExtra = {},
): EngineCore {
  const options = engineOptions(given);
  const tiers = lowerTiers(options);
  const cache = cacheOf(options, tiers, extra);
  const watched = extra.watchCache?.(cache, (slot) => core.slots.tag[slot]) ?? cache;
  const core: EngineCore = new EngineCore(
    options,
    watched,
    orderingPolicy(options.schedulingPolicy),
    timer,
    tiers.length > 0 || extra.sharesKv ? tiers : undefined,
  );
  return core;
}

function cacheOf(
  options: EngineOptions,
  tiers: readonly LowerTier[],
  { seed = 0, contentCount, sharesKv = false, store = sharedStore(options) }: EngineExtra,
): KvCache {
  const { blockSize, kvCacheBlocks, maxNumSeqs, enablePrefixCaching, prefixReuse, eviction } = options;
  const { kvChunkTokens, offloadPromptOnly } = options;
  const shared = { blockSize, capacityBlocks: kvCacheBlocks, enablePrefixCaching };
  if (prefixReuse === "slots") return new SlotCache({ ...shared, seats: maxNumSeqs });
  const pool = new BlockCache({
    ...shared,
    ...(contentCount !== undefined && { contentCount }),
    eviction: evictionPolicy(eviction),
    random: stream(seed, "eviction"),
  });
  if (tiers.length === 0 && !sharesKv) return pool;
  return new TieredCache({
    pool,
    tierTokens: tiers.filter(({ name }) => name !== "shared").map(({ tokens }) => tokens),
    ...(store && tiers.some(({ name }) => name === "shared") && { store }),
    ...(offloadPromptOnly !== undefined && { promptOnly: offloadPromptOnly }),
    ...(kvChunkTokens !== undefined && { chunkTokens: kvChunkTokens }),
  });
}
