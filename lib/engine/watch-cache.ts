import type { KvCache } from "../cache/index.js";

/**
 * Puts something between a scheduler and its cache, to see what is asked of it: given an engine's cache, the cache to use in
 * its place. It must answer as the one that it was given does.
 * @param engine which of the engines it is
 * @param requestOf the request (its place in the list) that a slot stands for, from {@link KvCache.enter} to its release
 */
export type WatchCache = (cache: KvCache, engine: number, requestOf: (slot: number) => number) => KvCache;
