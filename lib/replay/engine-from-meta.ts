import type { EngineOptions } from "../engine/index.js";
import type { JsonValue, TraceMeta } from "../trace/index.js";

/**
 * The captured engine's settings, as far as the trace's meta line tells them: `max_num_seqs`,
 * `max_num_batched_tokens`, `num_gpu_blocks` or `kv_cache_blocks` (of which vLLM keeps one as its null block), `engine_block_size` or else
 * `block_size`, `long_prefill_token_threshold`, `enable_prefix_caching`, `prefix_reuse`. What it does not tell is left out.
 */
export function engineFromMeta(meta: TraceMeta): Partial<EngineOptions> {
  const blocks = count(meta.extra.num_gpu_blocks ?? meta.extra.kv_cache_blocks);
  const blockSize = count(meta.extra.engine_block_size) ?? meta.blockSize;
  const threshold = count(meta.extra.long_prefill_token_threshold);
  return {
    ...(blockSize !== undefined && { blockSize }),
    ...(blocks !== undefined && { kvCacheBlocks: blocks - 1 }),
    ...(meta.maxNumSeqs !== undefined && { maxNumSeqs: meta.maxNumSeqs }),
    ...(meta.maxNumBatchedTokens !== undefined && { maxNumBatchedTokens: meta.maxNumBatchedTokens }),
    ...(threshold !== undefined && { longPrefillTokenThreshold: threshold }),
    ...(meta.extra.enable_prefix_caching === false && { enablePrefixCaching: false }),
    ...(meta.extra.prefix_reuse === "slots" && { prefixReuse: "slots" }),
  };
}

/** An engine's settings as a meta line tells them: what {@link engineFromMeta} reads back. */
export function engineToMeta(
  engine: EngineOptions,
): Pick<TraceMeta, "maxNumSeqs" | "maxNumBatchedTokens" | "extra"> {
  return {
    maxNumSeqs: engine.maxNumSeqs,
    maxNumBatchedTokens: engine.maxNumBatchedTokens,
    extra: {
      num_gpu_blocks: engine.kvCacheBlocks + 1,
      engine_block_size: engine.blockSize,
      long_prefill_token_threshold: engine.longPrefillTokenThreshold,
      enable_prefix_caching: engine.enablePrefixCaching,
      prefix_reuse: engine.prefixReuse,
    },
  };
}

function count(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 1 ? value : undefined;
}
