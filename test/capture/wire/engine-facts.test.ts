import { describe, expect, it } from "vitest";
import { askEngine, engineFacts } from "../../../lib/capture/wire/index.js";
import { metaFromJson } from "../../../lib/trace/index.js";

/** As vLLM 0.32 has them, cut to what is read and one label or field that is not. */
const vllmMetrics = `# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="32",cache_dtype="auto",enable_prefix_caching="True",engine="0",gpu_memory_utilization="0.92",num_cpu_blocks="None",num_gpu_blocks="8192"} 1.0
`;
const vllmModels = { object: "list", data: [{ id: "small", owned_by: "vllm", max_model_len: 8192 }] };

describe("what an engine tells of itself", () => {
  it("vLLM: its version, its pool and its longest context", () => {
    const facts = engineFacts({
      version: { version: "0.32.0" },
      metrics: vllmMetrics,
      models: vllmModels,
    });
    expect(facts).toEqual({
      engine: "vllm",
      engine_version: "0.32.0",
      kv_cache_dtype: "auto",
      max_model_len: 8192,
      engine_block_size: 32,
      num_gpu_blocks: 8192,
      enable_prefix_caching: true,
    });
    expect(metaFromJson(facts).engine).toEqual({
      blockSize: 32,
      kvCacheBlocks: 8191,
      enablePrefixCaching: true,
    });
  });

  it("vLLM in development mode: the budget of a step, the running requests and the ranks as well", () => {
    const serverInfo = {
      vllm_config: {
        scheduler_config: {
          max_num_batched_tokens: 512,
          max_num_scheduled_tokens: null,
          max_num_seqs: 64,
          long_prefill_token_threshold: 0,
          policy: "fcfs",
          async_scheduling: false,
          scheduler_reserve_full_isl: true,
          enable_chunked_prefill: true,
        },
        cache_config: {
          block_size: 32,
          num_gpu_blocks: 260,
          enable_prefix_caching: true,
          cache_dtype: "fp8",
        },
        parallel_config: {
          tensor_parallel_size: 2,
          data_parallel_size: 2,
          enable_expert_parallel: true,
        },
      },
    };
    const meta = metaFromJson(engineFacts({ version: { version: "0.32.0" }, serverInfo }));
    expect(meta.engine).toEqual({
      blockSize: 32,
      kvCacheBlocks: 259,
      maxNumSeqs: 64,
      maxNumBatchedTokens: 512,
      longPrefillTokenThreshold: 0,
      enablePrefixCaching: true,
      reserveFullPrompt: true,
      asyncScheduling: false,
      schedulingPolicy: "fcfs",
    });
    expect(meta.extra).toMatchObject({
      kv_cache_dtype: "fp8",
      tensor_parallel_size: 2,
      data_parallel_size: 2,
      expert_parallel: true,
    });
  });

  it("vLLM: ranks by its metrics, and nothing of a pool that it does not know yet", () => {
    const line = (rank: number) =>
      `vllm:cache_config_info{block_size="16",enable_prefix_caching="False",engine="${rank}",num_gpu_blocks="None"} 1.0\n`;
    const facts = engineFacts({ metrics: line(0) + line(1) });
    expect(facts).toEqual({
      engine: "vllm",
      data_parallel_size: 2,
      engine_block_size: 16,
      enable_prefix_caching: false,
    });
  });

  it("a version alone is taken for vLLM's, unless the models belong to another", () => {
    expect(engineFacts({ version: { version: "0.32.0" } })).toEqual({
      engine: "vllm",
      engine_version: "0.32.0",
    });
    const models = { data: [{ id: "small", owned_by: "tensorrt_llm" }] };
    expect(engineFacts({ version: { version: "1.0.0" }, models })).toEqual({
      engine: "tensorrt-llm",
      engine_version: "1.0.0",
    });
  });

  it("llama.cpp: its build, its slots and the context of each", () => {
    expect(
      engineFacts({
        props: {
          total_slots: 4,
          build_info: "b1-de3ff81",
          default_generation_settings: { n_ctx: 4096 },
        },
      }),
    ).toEqual({
      engine: "llama.cpp",
      engine_version: "b1-de3ff81",
      max_model_len: 4096,
      max_num_seqs: 4,
      prefix_reuse: "slots",
    });
    const slots = [{ id: 0, n_ctx: 2048 }];
    expect(engineFacts({ props: { total_slots: 1 }, slots })).toMatchObject({ max_model_len: 2048 });
  });

  it("SGLang: its pages as blocks, its chunk as the budget of a step, its pool in tokens", () => {
    const facts = engineFacts({
      models: { data: [{ id: "small", owned_by: "sglang", max_model_len: 8192 }] },
      serverInfo: {
        version: "0.5.23",
        page_size: 16,
        chunked_prefill_size: 512,
        max_running_requests: 16,
        disable_radix_cache: false,
        disable_overlap_schedule: true,
        schedule_policy: "lpm",
        kv_cache_dtype: "auto",
        tp_size: 1,
        dp_size: 1,
        internal_states: [{ max_total_num_tokens: 65_536, effective_max_running_requests_per_dp: 12 }],
      },
    });
    const meta = metaFromJson(facts);
    expect(meta.engine).toEqual({
      blockSize: 16,
      kvCacheBlocks: 4096,
      maxNumSeqs: 12,
      maxNumBatchedTokens: 512,
      enablePrefixCaching: true,
      asyncScheduling: false,
    });
    expect(meta.extra).toMatchObject({
      engine: "sglang",
      engine_version: "0.5.23",
      schedule_policy: "lpm",
      max_model_len: 8192,
    });
  });

  it("SGLang without its arguments: the pool by its metrics", () => {
    const metrics = 'sglang:page_size{tp_rank="0"} 1.0\nsglang:max_total_num_tokens{tp_rank="0"} 65536.0\n';
    expect(metaFromJson(engineFacts({ metrics })).engine).toEqual({ blockSize: 1, kvCacheBlocks: 65_536 });
  });

  it("text-generation-inference, Ollama and Triton: what their pages have", () => {
    expect(
      engineFacts({
        info: {
          model_id: "org/model",
          version: "3.3.4",
          max_concurrent_requests: 128,
          max_total_tokens: 4096,
          max_batch_prefill_tokens: 4145,
        },
      }),
    ).toEqual({
      engine: "text-generation-inference",
      engine_version: "3.3.4",
      max_model_len: 4096,
      max_concurrent_requests: 128,
      max_num_batched_tokens: 4145,
    });
    const ollamaModels = { models: [{ name: "small:latest", context_length: 4096 }] };
    expect(engineFacts({ ollamaVersion: { version: "0.17.4" }, ollamaModels })).toEqual({
      engine: "ollama",
      engine_version: "0.17.4",
      max_model_len: 4096,
    });
    expect(engineFacts({ triton: { name: "triton", version: "2.60.0" } })).toEqual({
      engine: "triton",
      engine_version: "2.60.0",
    });
  });

  it.each([
    [undefined],
    [null],
    ["no such path"],
    [[]],
    [{ version: 3, total_slots: "4", data: "no", models: 7, vllm_config: null }],
    [{ total_slots: 0.5, version: "" }],
  ])("nothing from %j", (answer) => {
    const pages = { version: answer, props: answer, models: answer, info: answer, slots: answer };
    expect(engineFacts({ ...pages, ollamaVersion: answer, triton: answer, metrics: "" })).toEqual({});
  });
});

describe("which pages are asked for", () => {
  async function asked(pages: Readonly<Record<string, string>>) {
    const paths: string[] = [];
    const got = await askEngine(async (path) => {
      paths.push(path);
      return pages[path];
    });
    return { paths, got };
  }

  it("those by which engines are told apart, and of a gateway that answers none of them no more", async () => {
    const { paths, got } = await asked({ "/v1/models": '{"data":[{"id":"gpt-4o","owned_by":"openai"}]}' });
    expect(paths).toEqual(["/version", "/metrics", "/v1/models", "/props", "/info", "/api/version", "/v2"]);
    expect(Object.keys(got)).toEqual(["models"]);
  });

  it("then those that only the one engine has", async () => {
    const vllm = await asked({ "/version": '{"version":"0.32.0"}', "/kv_event_sources": '{"0":{}}' });
    expect(vllm.paths.slice(7)).toEqual(["/server_info?config_format=json", "/kv_event_sources"]);
    expect(vllm.got.kvEventSources).toEqual({ "0": {} });
    const sglang = await asked({
      "/v1/models": '{"data":[{"owned_by":"sglang"}]}',
      "/server_info": '{"page_size":1}',
    });
    expect(sglang.paths.slice(7)).toEqual(["/get_server_info", "/server_info"]);
    expect(sglang.got.serverInfo).toEqual({ page_size: 1 });
    expect((await asked({ "/props": '{"total_slots":4}' })).paths.slice(7)).toEqual(["/slots"]);
  });

  it("a page that is no JSON is none", async () => {
    const { got } = await asked({ "/version": "<html>", "/metrics": "<html>" });
    expect(engineFacts(got)).toEqual({});
  });
});
