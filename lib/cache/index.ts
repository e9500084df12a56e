/**
 * Where KV is kept and found, by itself: no scheduler, no clock.
 *
 * Read `kv-cache.ts` first (what a scheduler asks of a cache), then `block-cache.ts` (vLLM's blocks, on `block-pool.ts`),
 * `tiered-cache.ts` (memory behind them, on `kv-tier.ts`, or `shared-tier.ts` where several engines share a store) and `slot-cache.ts` (llama.cpp's seats). `eviction/` has one file a
 * policy; `eviction/eviction.ts` says how to write one. `hit-rate-curve.ts` gives hits against pool size for all sizes at
 * once. Sizes are blocks; content is named by dense integer ids.
 */
export { type AccessRuns, accessRuns, type BlockAccess } from "./access-runs.js";
export { BlockCache, type BlockCacheOptions } from "./block-cache.js";
export { BlockPool } from "./block-pool.js";
export type { EvictedPool, Eviction, EvictionPolicy } from "./eviction/eviction.js";
export { fifo } from "./eviction/fifo.js";
export { evictionPolicy, evictions } from "./eviction/index.js";
export { lfu } from "./eviction/lfu.js";
export { lru } from "./eviction/lru.js";
export { mru } from "./eviction/mru.js";
export { random } from "./eviction/random.js";
export { slru } from "./eviction/slru.js";
export { findableBlocks } from "./findable-blocks.js";
export {
  type HitRateCurve,
  type HitRateCurveOptions,
  hitRateCurve,
  hitRateCurveOf,
} from "./hit-rate-curve.js";
export type { Admission, KvCache } from "./kv-cache.js";
export { KvTier } from "./kv-tier.js";
export { optimalHits } from "./optimal-hits.js";
export { serialHits } from "./serial-hits.js";
export { SlotCache, type SlotCacheOptions } from "./slot-cache.js";
export type { Tier } from "./tier.js";
export { TieredCache, type TieredCacheOptions } from "./tiered-cache.js";
