import { describe, expect, it } from "vitest";
import { engineCounters, isMetricsText } from "../../../lib/capture/wire/index.js";
import { metricSamples } from "../../../lib/capture/wire/prometheus-text.js";

describe("a page in Prometheus' text format", () => {
  it("is its samples: escaped labels, infinities, time stamps and all", () => {
    const page = [
      "# TYPE a counter",
      'a_total{path="C:\\\\x \\"y\\"\\n",b="1,}"} 12 1796071659000',
      "plain 1.5e3",
      'a_bucket{le="+Inf"} +Inf',
      "not a sample",
      "nobody_knows NaN",
      "",
    ].join("\n");
    expect(metricSamples(page)).toEqual([
      { name: "a_total", labels: { path: 'C:\\x "y"\n', b: "1,}" }, value: 12 },
      { name: "plain", labels: {}, value: 1500 },
      { name: "a_bucket", labels: { le: "+Inf" }, value: Number.POSITIVE_INFINITY },
    ]);
  });

  it.each([
    ["# HELP a b\n", true],
    ["up 1\n", true],
    ["<html>no such page</html>", false],
    ['{"detail":"Not Found"}', false],
    ["not a page", false],
    ["", false],
  ])("%j: %s", (page, isOne) => {
    expect(isMetricsText(page)).toBe(isOne);
  });
});

describe("what an engine counts", () => {
  it("vLLM: over all its ranks, the share of the pool as their mean", () => {
    const rank = (engine: number, hits: number, usage: number) => `
vllm:prefix_cache_queries_total{engine="${engine}",model_name="small"} 20000.0
vllm:prefix_cache_queries_created{engine="${engine}",model_name="small"} 1.79e+09
vllm:prefix_cache_hits_total{engine="${engine}",model_name="small"} ${hits}
vllm:num_preemptions_total{engine="${engine}",model_name="small"} 2.0
vllm:num_requests_running{engine="${engine}",model_name="small"} 3.0
vllm:num_requests_waiting{engine="${engine}",model_name="small"} 1.0
vllm:num_requests_waiting_by_reason{engine="${engine}",reason="capacity"} 1.0
vllm:kv_cache_usage_perc{engine="${engine}",model_name="small"} ${usage}
vllm:prompt_tokens_by_source_total{engine="${engine}",source="local_compute"} 8000.0
vllm:prompt_tokens_by_source_total{engine="${engine}",source="local_cache_hit"} ${hits}
`;
    expect(engineCounters(rank(0, 12_000, 0.5) + rank(1, 345, 0.25))).toEqual({
      queriedTokens: 40_000,
      hitTokens: 12_345,
      computedTokens: 16_000,
      preemptions: 4,
      running: 6,
      waiting: 2,
      kvUsage: 0.375,
    });
  });

  it("vLLM by its names of before", () => {
    expect(
      engineCounters(
        "vllm:gpu_prefix_cache_queries_total 8\nvllm:gpu_prefix_cache_hits_total 4\nvllm:gpu_cache_usage_perc 1",
      ),
    ).toEqual({ queriedTokens: 8, hitTokens: 4, kvUsage: 1 });
  });

  it("SGLang", () => {
    const page = `
sglang:prompt_tokens_total{is_streaming="false"} 29.0
sglang:prompt_tokens_total{is_streaming="true"} 591.0
sglang:cached_tokens_total{cache_source="device"} 392.0
sglang:realtime_tokens_total{mode="prefill_compute"} 230.0
sglang:realtime_tokens_total{mode="decode"} 28.0
sglang:num_running_reqs{tp_rank="0"} 1.0
sglang:num_queue_reqs{tp_rank="0"} 0.0
sglang:token_usage{tp_rank="0"} 0.1
`;
    expect(engineCounters(page)).toEqual({
      queriedTokens: 620,
      hitTokens: 392,
      promptTokens: 620,
      computedTokens: 230,
      running: 1,
      waiting: 0,
      kvUsage: 0.1,
    });
  });

  it("llama.cpp: prompt tokens that it computed, and those that it found", () => {
    expect(
      engineCounters(
        "llamacpp:prompt_tokens_total 50\nllamacpp:prompt_tokens_cached_total 150\nllamacpp:requests_deferred 1",
      ),
    ).toEqual({ hitTokens: 150, computedTokens: 50, waiting: 1 });
  });

  it("nothing of another's page", () => {
    expect(engineCounters("process_open_fds 34.0\n")).toBeUndefined();
  });
});
