import { KvTier } from "../cache/index.js";
import type { EngineOptions } from "./engine-options.js";
import { lowerTiers } from "./lower-tiers.js";

/**
 * The store that engines of these settings share, empty; undefined where the settings name none.
 * @throws InputError as {@link lowerTiers} does
 * @example
 * ```ts
 * import { engineOptions, sharedStore } from "prefixlab/engine";
 * sharedStore(engineOptions({ sharedKvGib: 1, kvBytesPerToken: 147456 }))?.capacityChunks; // → 455
 * sharedStore(engineOptions({})); // → undefined
 * ```
 */
export function sharedStore(options: EngineOptions): KvTier | undefined {
  const tier = lowerTiers(options).find(({ name }) => name === "shared");
  return tier && new KvTier(Math.floor(tier.tokens / (options.kvChunkTokens ?? options.blockSize)));
}
