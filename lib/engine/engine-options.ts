import { type Blocks, InputError, requireInteger, type Tokens } from "../base/index.js";
import { type EvictionPolicy, evictionPolicy } from "../cache/index.js";
import { orderingPolicy } from "./orderings/index.js";
import type { OrderingPolicy } from "./orderings/ordering.js";

/** Scheduler and cache settings, by vLLM's names. */
export interface EngineOptions {
  /** Tokens a KV block. vLLM: `--block-size`. Default 16. */
  readonly blockSize: Tokens;
  /** Blocks in the pool. vLLM derives it from memory; here `--kv-cache-size`. Default 65,536. */
  readonly kvCacheBlocks: Blocks;
  /** vLLM: `--max-num-seqs`. Default 256. */
  readonly maxNumSeqs: number;
  /** Token budget of a step. vLLM: `--max-num-batched-tokens`. Default 2,048. */
  readonly maxNumBatchedTokens: Tokens;
  /** Longest chunk of one prefill in a step; 0 = no limit of its own. vLLM: `--long-prefill-token-threshold`. */
  readonly longPrefillTokenThreshold: Tokens;
  /** vLLM: `--enable-prefix-caching`. With false nothing is ever found, and nothing else changes. */
  readonly enablePrefixCaching: boolean;
  /**
   * Admit a waiting request only when the pool has room for its whole prompt, not just for its first chunk:
   * vLLM's `scheduler_reserve_full_isl`.
   */
  readonly reserveFullPrompt: boolean;
  /**
   * Where a prefix can be found: in every computed block of the pool (vLLM), or in what one of `maxNumSeqs` slots still
   * holds of its last request (llama.cpp's server without `--cache-ram`); see `SlotCache`.
   */
  readonly prefixReuse: PrefixReuse;
  /** Which idle block is given up first: a word of `evictions`, or a policy of one's own. Seats evict nothing. */
  readonly eviction: string | EvictionPolicy;
  /** Who is admitted next and who is preempted: a word of `orderings`, or one's own. vLLM: `--scheduling-policy`. */
  readonly schedulingPolicy: string | OrderingPolicy;
}

export const prefixReuses = ["blocks", "slots"] as const;
export type PrefixReuse = (typeof prefixReuses)[number];

/** vLLM's defaults for a single mid-size accelerator. */
export const defaultEngineOptions: EngineOptions = {
  blockSize: 16,
  kvCacheBlocks: 65_536,
  maxNumSeqs: 256,
  maxNumBatchedTokens: 2_048,
  longPrefillTokenThreshold: 0,
  enablePrefixCaching: true,
  reserveFullPrompt: true,
  prefixReuse: "blocks",
  eviction: "lru",
  schedulingPolicy: "fcfs",
};

/**
 * Fills in the defaults and checks every setting.
 * @throws InputError naming the setting that is no positive integer or no known policy
 */
export function engineOptions(given: Partial<EngineOptions> = {}): EngineOptions {
  const options = { ...defaultEngineOptions, ...given };
  requireInteger("engineOptions", "blockSize", options.blockSize, 1);
  requireInteger("engineOptions", "kvCacheBlocks", options.kvCacheBlocks, 1);
  requireInteger("engineOptions", "maxNumSeqs", options.maxNumSeqs, 1);
  requireInteger("engineOptions", "maxNumBatchedTokens", options.maxNumBatchedTokens, 1);
  requireInteger("engineOptions", "longPrefillTokenThreshold", options.longPrefillTokenThreshold);
  if (!prefixReuses.includes(options.prefixReuse))
    throw new InputError(
      `engineOptions: prefixReuse must be one of ${prefixReuses.join(", ")}, got ${options.prefixReuse}`,
    );
  evictionPolicy(options.eviction);
  orderingPolicy(options.schedulingPolicy);
  return options;
}
