import type { EngineSettings } from "../../../settings/index.js";
import type { EnginePages } from "../engine-pages.js";
import { countOf, fieldOf, switchOf, textOf } from "../field-of.js";
import { metricSamples } from "../prometheus-text.js";
import type { ToldFacts } from "./told-facts.js";

/**
 * vLLM: its pool from the labels of `vllm:cache_config_info`, and in development mode (`VLLM_SERVER_DEV_MODE=1`) its whole
 * configuration from `/server_info?config_format=json`, which alone has the budget of a step and the running requests
 * (vLLM 0.32, `vllm/entrypoints/serve/dev/server_info/api_router.py`).
 */
export function vllmFacts(pages: EnginePages): ToldFacts {
  const config = fieldOf(pages.serverInfo, "vllm_config");
  const scheduler = fieldOf(config, "scheduler_config");
  const cache = fieldOf(config, "cache_config");
  const parallel = fieldOf(config, "parallel_config");
  const labels = poolLabels(pages.metrics ?? "");
  const blocks = countOf(cache, "num_gpu_blocks") ?? labelCount(labels.first?.num_gpu_blocks);
  const caching = labels.first?.enable_prefix_caching;
  const settings: Partial<Record<keyof EngineSettings, unknown>> = {
    blockSize: countOf(cache, "block_size") ?? labelCount(labels.first?.block_size),
    // It counts its null block among them.
    kvCacheBlocks: blocks !== undefined && blocks > 1 ? blocks - 1 : undefined,
    enablePrefixCaching:
      switchOf(cache, "enable_prefix_caching") ?? (caching === undefined ? undefined : caching === "True"),
    maxNumSeqs: countOf(scheduler, "max_num_seqs"),
    maxNumBatchedTokens:
      countOf(scheduler, "max_num_scheduled_tokens") ?? countOf(scheduler, "max_num_batched_tokens"),
    longPrefillTokenThreshold: countOf(scheduler, "long_prefill_token_threshold", 0),
    reserveFullPrompt: switchOf(scheduler, "scheduler_reserve_full_isl"),
    asyncScheduling: switchOf(scheduler, "async_scheduling"),
    schedulingPolicy: ["fcfs", "priority"].find((policy) => policy === fieldOf(scheduler, "policy")),
  };
  const ranks = countOf(parallel, "data_parallel_size") ?? labels.engines;
  const isExpertParallel = switchOf(parallel, "enable_expert_parallel");
  return {
    settings,
    facts: {
      engine: "vllm",
      engine_version: textOf(pages.version, "version"),
      kv_cache_dtype: textOf(cache, "cache_dtype") ?? labels.first?.cache_dtype,
      tensor_parallel_size: countOf(parallel, "tensor_parallel_size"),
      data_parallel_size: ranks !== undefined && ranks > 1 ? ranks : undefined,
      expert_parallel: isExpertParallel === true && ranks !== undefined && ranks > 1 ? true : undefined,
      enable_chunked_prefill: switchOf(scheduler, "enable_chunked_prefill"),
    },
  };
}

function poolLabels(metrics: string) {
  const all = metricSamples(metrics).filter(({ name }) => name === "vllm:cache_config_info");
  const engines = new Set(all.map(({ labels }) => labels.engine)).size;
  return { first: all[0]?.labels, engines: engines > 1 ? engines : undefined };
}

/** Labels are Python's words: a number that is not known yet is "None". */
function labelCount(label: string | undefined): number | undefined {
  const count = Number(label);
  return Number.isSafeInteger(count) && count > 0 ? count : undefined;
}
