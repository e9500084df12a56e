import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Ms, Tokens } from "../../base/index.js";
import { lowerTiers } from "../../engine/index.js";
import type { WallClockEngine } from "./wall-clock-engine.js";

/** Bucket bounds, as vLLM has them (`vllm/v1/metrics/buckets.py`). */
const FIRST_TOKEN_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];
const GAP_BUCKETS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const REQUEST_BUCKETS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
const TOKEN_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

/** When one request passed each stage, ms of engine time. */
export interface RequestTimes {
  readonly arrivedMs: Ms;
  readonly admittedMs: Ms | undefined;
  readonly firstTokenMs: Ms | undefined;
  readonly lastTokenMs: Ms | undefined;
}

/** Why a request left the engine, by vLLM's words. */
export type FinishedReason = "stop" | "length" | "abort";

/**
 * The server's metrics under vLLM's names and units, so that its dashboards work. Times are engine time, which is
 * wall time at time scale 1.
 */
export class EngineMetrics {
  readonly registry = new Registry();
  readonly #firstToken = this.#histogram(
    "time_to_first_token_seconds",
    "Time to first token.",
    FIRST_TOKEN_BUCKETS,
  );
  readonly #gap = this.#histogram("inter_token_latency_seconds", "Time between output tokens.", GAP_BUCKETS);
  readonly #tokenTime = this.#histogram(
    "request_time_per_output_token_seconds",
    "Mean time per output token after the first, per request.",
    GAP_BUCKETS,
  );
  readonly #total = this.#histogram(
    "e2e_request_latency_seconds",
    "Time from arrival to last token.",
    REQUEST_BUCKETS,
  );
  readonly #queue = this.#histogram(
    "request_queue_time_seconds",
    "Time in the waiting queue.",
    REQUEST_BUCKETS,
  );
  readonly #inference = this.#histogram(
    "request_inference_time_seconds",
    "Time from admission to last token.",
    REQUEST_BUCKETS,
  );
  readonly #prefill = this.#histogram(
    "request_prefill_time_seconds",
    "Time from admission to first token.",
    REQUEST_BUCKETS,
  );
  readonly #decode = this.#histogram(
    "request_decode_time_seconds",
    "Time from first to last token.",
    REQUEST_BUCKETS,
  );
  readonly #promptLength = this.#histogram(
    "request_prompt_tokens",
    "Prompt tokens per request.",
    TOKEN_BUCKETS,
  );
  readonly #answerLength = this.#histogram(
    "request_generation_tokens",
    "Output tokens per request.",
    TOKEN_BUCKETS,
  );
  readonly #promptTokens = this.#counter(
    "prompt_tokens_total",
    "Prompt tokens of requests that had a first token.",
  );
  readonly #cachedTokens = this.#counter(
    "prompt_tokens_cached_total",
    "Those of them found in the prefix cache.",
  );
  readonly #generationTokens = this.#counter("generation_tokens_total", "Output tokens.");
  readonly #success = this.#counter("request_success_total", "Requests that left the engine.", [
    "finished_reason",
  ]);
  readonly #rejections = this.#counter(
    "admission_rejections_total",
    "Requests refused, the queue being full.",
    ["reason"],
  );

  /** @param index which of a server's engines it is, in the label `engine` */
  constructor(modelName: string, engine: WallClockEngine, index: number) {
    this.registry.setDefaultLabels({ model_name: modelName, engine: String(index) });
    const { core } = engine;
    this.#gauge("num_requests_running", "Requests in the running batch.", () => core.runningCount);
    this.#gauge("num_requests_waiting", "Requests that wait to be admitted.", () => engine.waiting);
    this.#gauge(
      "kv_cache_usage_perc",
      "KV blocks in use over all; 1 is full.",
      () => (core.cache.capacityBlocks - core.cache.freeBlocks) / core.cache.capacityBlocks,
    );
    this.#running(
      "prefix_cache_queries_total",
      "Tokens looked up in the prefix cache.",
      () => core.prefixQueryTokens,
    );
    this.#running(
      "prefix_cache_hits_total",
      "Tokens found in the prefix cache.",
      () => core.prefixHitTokens - core.lowerHitTokens,
    );
    if (lowerTiers(core.options).length > 0)
      this.#running(
        "external_prefix_cache_hits_total",
        "Tokens loaded from memory behind the KV pool.",
        () => core.lowerHitTokens,
      );
    this.#running("num_preemptions_total", "Preemptions.", () => core.preemptionCount);
    this.#info("cache_config_info", "Settings of the KV cache, as labels.", {
      block_size: String(core.options.blockSize),
      // vLLM counts its null block among them.
      num_gpu_blocks: String(core.options.kvCacheBlocks + 1),
      enable_prefix_caching: core.options.enablePrefixCaching ? "True" : "False",
    });
    for (const finished_reason of ["stop", "length", "abort"]) this.#success.inc({ finished_reason }, 0);
    this.#rejections.inc({ reason: "queue_full" }, 0);
  }

  /** The queue was full. */
  rejected(): void {
    this.#rejections.inc({ reason: "queue_full" });
  }

  admitted(arrivedMs: Ms, atMs: Ms): void {
    this.#queue.observe((atMs - arrivedMs) / 1000);
  }

  firstToken(arrivedMs: Ms, atMs: Ms, promptTokens: Tokens, cachedTokens: Tokens): void {
    this.#firstToken.observe((atMs - arrivedMs) / 1000);
    this.#promptTokens.inc(promptTokens);
    this.#cachedTokens.inc(cachedTokens);
    this.#generationTokens.inc();
  }

  laterToken(gapMs: Ms): void {
    this.#gap.observe(gapMs / 1000);
    this.#generationTokens.inc();
  }

  /** The request left, done or not; times it never had are not counted. */
  finished(reason: FinishedReason, times: RequestTimes, promptTokens: Tokens, outputTokens: Tokens): void {
    this.#success.inc({ finished_reason: reason });
    if (reason === "abort") return;
    const { arrivedMs, admittedMs, firstTokenMs, lastTokenMs } = times;
    if (admittedMs === undefined || firstTokenMs === undefined || lastTokenMs === undefined) return;
    this.#promptLength.observe(promptTokens);
    this.#answerLength.observe(outputTokens);
    this.#total.observe((lastTokenMs - arrivedMs) / 1000);
    this.#inference.observe((lastTokenMs - admittedMs) / 1000);
    this.#prefill.observe((firstTokenMs - admittedMs) / 1000);
    this.#decode.observe((lastTokenMs - firstTokenMs) / 1000);
    if (outputTokens > 1) this.#tokenTime.observe((lastTokenMs - firstTokenMs) / 1000 / (outputTokens - 1));
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `vllm:${name}`, help, buckets, registers: [this.registry] });
  }

  #counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter<L>({ name: `vllm:${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `vllm:${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** Facts that do not change, as labels of a gauge that is 1. */
  #info(name: string, help: string, facts: Readonly<Record<string, string>>): void {
    const labelNames = Object.keys(facts);
    new Gauge({ name: `vllm:${name}`, help, labelNames, registers: [this.registry] }).set({ ...facts }, 1);
  }

  /** A counter whose total another part keeps. */
  #running(name: string, help: string, read: () => number): void {
    new Counter({
      name: `vllm:${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}
