import type { EnginePages } from "../engine-pages.js";
import { countOf, fieldOf, switchOf, textOf } from "../field-of.js";
import { metricSamples } from "../prometheus-text.js";
import type { ToldFacts } from "./told-facts.js";

/**
 * SGLang: its arguments and its pool from `/get_server_info` (newer: `/server_info`), else the pool from its metrics
 * (SGLang 0.5.23). A page is its block; it keeps no null block. The budget of a step is its chunk of prefill, -1 for none.
 */
export function sglangFacts(pages: EnginePages): ToldFacts {
  const info = pages.serverInfo;
  const [state] = (fieldOf(info, "internal_states") ?? []) as readonly unknown[];
  const told = (name: string) => countOf(info, name) ?? countOf(state, name) ?? gauge(pages.metrics, name);
  const pageSize = told("page_size");
  const poolTokens = told("max_total_num_tokens");
  const withoutCache = switchOf(info, "disable_radix_cache");
  const withoutOverlap = switchOf(info, "disable_overlap_schedule");
  const ranks = countOf(info, "dp_size");
  return {
    settings: {
      blockSize: pageSize,
      kvCacheBlocks:
        pageSize !== undefined && poolTokens !== undefined ? Math.floor(poolTokens / pageSize) : undefined,
      enablePrefixCaching: withoutCache === undefined ? undefined : !withoutCache,
      maxNumSeqs:
        countOf(state, "effective_max_running_requests_per_dp") ?? countOf(info, "max_running_requests"),
      maxNumBatchedTokens: countOf(info, "chunked_prefill_size") ?? countOf(info, "max_prefill_tokens"),
      asyncScheduling: withoutOverlap === undefined ? undefined : !withoutOverlap,
    },
    facts: {
      engine: "sglang",
      engine_version: textOf(info, "version"),
      kv_cache_dtype: textOf(info, "kv_cache_dtype"),
      tensor_parallel_size: countOf(info, "tp_size"),
      data_parallel_size: ranks !== undefined && ranks > 1 ? ranks : undefined,
      schedule_policy: textOf(info, "schedule_policy"),
      radix_eviction_policy: textOf(info, "radix_eviction_policy"),
    },
  };
}

function gauge(metrics: string | undefined, name: string): number | undefined {
  const value = metricSamples(metrics ?? "").find((sample) => sample.name === `sglang:${name}`)?.value;
  return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
