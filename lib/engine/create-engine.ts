import { stream } from "../base/index.js";
import { BlockCache, evictionPolicy, type KvCache, SlotCache } from "../cache/index.js";
import type { StepTimer } from "../latency/index.js";
import { EngineCore } from "./engine-core.js";
import { type EngineOptions, engineOptions } from "./engine-options.js";
import { orderingPolicy } from "./orderings/index.js";

/**
 * The engine that the options ask for: a scheduler with vLLM's blocks or llama.cpp's seats, an ordering and a timer.
 * @param extra.seed what policies with draws of their own draw from
 * @param extra.contentCount how many content ids there will be, if known
 * @throws InputError see {@link engineOptions}
 */
export function createEngine(
  given: Partial<EngineOptions>,
  timer: StepTimer,
  extra: { readonly seed?: number | string; readonly contentCount?: number } = {},
): EngineCore {
  const options = engineOptions(given);
  return new EngineCore(options, cacheOf(options, extra), orderingPolicy(options.schedulingPolicy), timer);
}

function cacheOf(
  { blockSize, kvCacheBlocks, maxNumSeqs, enablePrefixCaching, prefixReuse, eviction }: EngineOptions,
  { seed = 0, contentCount }: { readonly seed?: number | string; readonly contentCount?: number },
): KvCache {
  const shared = { blockSize, capacityBlocks: kvCacheBlocks, enablePrefixCaching };
  if (prefixReuse === "slots") return new SlotCache({ ...shared, seats: maxNumSeqs });
  return new BlockCache({
    ...shared,
    ...(contentCount !== undefined && { contentCount }),
    eviction: evictionPolicy(eviction),
    random: stream(seed, "eviction"),
  });
}
