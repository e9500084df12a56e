import type { EngineCounters } from "../../trace/index.js";
import { type MetricSample, metricSamples } from "./prometheus-text.js";

/** Which samples make up a counter: a name, and the labels that it must have. */
type Source = readonly [name: string, labels?: Readonly<Record<string, string>>];

/**
 * Where each engine tells what, first the names of today, then those of before. Counts are since the engine's start.
 * vLLM 0.32 (`vllm/v1/metrics/loggers.py`; before 0.9 queries, hits and usage had "gpu_" in their names), SGLang 0.5.23,
 * llama.cpp b7 (`--metrics`; its prompt tokens are those that it computed), text-generation-inference 3.
 */
const sources: Readonly<Record<keyof EngineCounters, readonly Source[]>> = {
  queriedTokens: [
    ["vllm:prefix_cache_queries_total"],
    ["vllm:gpu_prefix_cache_queries_total"],
    ["sglang:prompt_tokens_total"],
  ],
  hitTokens: [
    ["vllm:prefix_cache_hits_total"],
    ["vllm:gpu_prefix_cache_hits_total"],
    ["sglang:cached_tokens_total"],
    ["llamacpp:prompt_tokens_cached_total"],
  ],
  promptTokens: [["vllm:prompt_tokens_total"], ["sglang:prompt_tokens_total"]],
  computedTokens: [
    ["vllm:prompt_tokens_by_source_total", { source: "local_compute" }],
    ["sglang:realtime_tokens_total", { mode: "prefill_compute" }],
    ["llamacpp:prompt_tokens_total"],
  ],
  outputTokens: [
    ["vllm:generation_tokens_total"],
    ["sglang:generation_tokens_total"],
    ["llamacpp:tokens_predicted_total"],
  ],
  preemptions: [["vllm:num_preemptions_total"], ["sglang:num_retracted_requests_total"]],
  running: [
    ["vllm:num_requests_running"],
    ["sglang:num_running_reqs"],
    ["llamacpp:requests_processing"],
    ["tgi_batch_current_size"],
  ],
  waiting: [
    ["vllm:num_requests_waiting"],
    ["sglang:num_queue_reqs"],
    ["llamacpp:requests_deferred"],
    ["tgi_queue_size"],
  ],
  kvUsage: [
    ["vllm:kv_cache_usage_perc"],
    ["vllm:gpu_cache_usage_perc"],
    ["sglang:token_usage"],
    ["llamacpp:kv_cache_usage_ratio"],
  ],
};

/**
 * What an engine's metrics page counts, summed over its ranks and labels; the share of the pool in use is their mean.
 * @returns undefined when the page has none of it
 */
export function engineCounters(metrics: string): EngineCounters | undefined {
  const byName = new Map<string, MetricSample[]>();
  for (const sample of metricSamples(metrics)) {
    const before = byName.get(sample.name);
    if (before) before.push(sample);
    else byName.set(sample.name, [sample]);
  }
  const found = Object.entries(sources).flatMap(([counter, names]) => {
    for (const [name, labels = {}] of names) {
      const samples = (byName.get(name) ?? []).filter((sample) =>
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (samples.length === 0) continue;
      const sum = samples.reduce((total, { value }) => total + value, 0);
      if (Number.isFinite(sum)) return [[counter, counter === "kvUsage" ? sum / samples.length : sum]];
    }
    return [];
  });
  return found.length === 0 ? undefined : (Object.fromEntries(found) as EngineCounters);
}
