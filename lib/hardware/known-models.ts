import type { ModelShape } from "./model-shape.js";
import { type ModelShapeOptions, modelShapeFromConfig } from "./model-shape-from-config.js";

/** A model that many run: its repository on the Hugging Face Hub, whose config.json has these fields. */
interface KnownModel {
  readonly source: string;
  /** Other names of models with the same layers. */
  readonly alsoCalled?: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

function config(
  model_type: string,
  [num_hidden_layers, hidden_size, intermediate_size]: readonly [number, number, number],
  [num_attention_heads, num_key_value_heads, head_dim]: readonly [number, number, number],
  vocab_size: number,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    model_type,
    hidden_size,
    intermediate_size,
    num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    vocab_size,
    tie_word_embeddings: false,
    ...more,
  };
}

const tied = { tie_word_embeddings: true };
const routed128 = { num_experts: 128, num_experts_per_tok: 8 };

/** By a name that stands in the names that servers give: `Qwen/Qwen3-8B`, `/models/Qwen3-8B-FP8`. */
const knownModels: Readonly<Record<string, KnownModel>> = {
  "qwen3-0.6b": {
    source: "Qwen/Qwen3-0.6B",
    config: config("qwen3", [28, 1024, 3072], [16, 8, 128], 151_936, tied),
  },
  "qwen3-1.7b": {
    source: "Qwen/Qwen3-1.7B",
    config: config("qwen3", [28, 2048, 6144], [16, 8, 128], 151_936, tied),
  },
  "qwen3-4b": {
    source: "Qwen/Qwen3-4B",
    config: config("qwen3", [36, 2560, 9728], [32, 8, 128], 151_936, tied),
  },
  "qwen3-8b": { source: "Qwen/Qwen3-8B", config: config("qwen3", [36, 4096, 12_288], [32, 8, 128], 151_936) },
  "qwen3-14b": {
    source: "Qwen/Qwen3-14B",
    config: config("qwen3", [40, 5120, 17_408], [40, 8, 128], 151_936),
  },
  "qwen3-32b": {
    source: "Qwen/Qwen3-32B",
    config: config("qwen3", [64, 5120, 25_600], [64, 8, 128], 151_936),
  },
  "qwen3-30b-a3b": {
    source: "Qwen/Qwen3-30B-A3B",
    alsoCalled: ["qwen3-coder-30b-a3b"],
    config: config("qwen3_moe", [48, 2048, 6144], [32, 4, 128], 151_936, {
      ...routed128,
      moe_intermediate_size: 768,
    }),
  },
  "qwen3-235b-a22b": {
    source: "Qwen/Qwen3-235B-A22B",
    config: config("qwen3_moe", [94, 4096, 12_288], [64, 4, 128], 151_936, {
      ...routed128,
      moe_intermediate_size: 1536,
    }),
  },
  "qwen2.5-7b": {
    source: "Qwen/Qwen2.5-7B-Instruct",
    alsoCalled: ["qwen2.5-coder-7b"],
    config: config("qwen2", [28, 3584, 18_944], [28, 4, 128], 152_064),
  },
  "qwen2.5-32b": {
    source: "Qwen/Qwen2.5-32B-Instruct",
    alsoCalled: ["qwen2.5-coder-32b"],
    config: config("qwen2", [64, 5120, 27_648], [40, 8, 128], 152_064),
  },
  "qwen2.5-72b": {
    source: "Qwen/Qwen2.5-72B-Instruct",
    config: config("qwen2", [80, 8192, 29_568], [64, 8, 128], 152_064),
  },
  "llama-3.2-1b": {
    source: "meta-llama/Llama-3.2-1B",
    config: config("llama", [16, 2048, 8192], [32, 8, 64], 128_256, tied),
  },
  "llama-3.2-3b": {
    source: "meta-llama/Llama-3.2-3B",
    config: config("llama", [28, 3072, 8192], [24, 8, 128], 128_256, tied),
  },
  "llama-3.1-8b": {
    source: "meta-llama/Llama-3.1-8B",
    alsoCalled: ["llama-3-8b"],
    config: config("llama", [32, 4096, 14_336], [32, 8, 128], 128_256),
  },
  "llama-3.1-70b": {
    source: "meta-llama/Llama-3.1-70B",
    alsoCalled: ["llama-3-70b", "llama-3.3-70b"],
    config: config("llama", [80, 8192, 28_672], [64, 8, 128], 128_256),
  },
  "mistral-7b-v0.3": {
    source: "mistralai/Mistral-7B-v0.3",
    alsoCalled: ["mistral-7b-instruct-v0.3"],
    config: config("mistral", [32, 4096, 14_336], [32, 8, 128], 32_768),
  },
  "mixtral-8x7b": {
    source: "mistralai/Mixtral-8x7B-v0.1",
    config: config("mixtral", [32, 4096, 14_336], [32, 8, 128], 32_000, {
      num_local_experts: 8,
      num_experts_per_tok: 2,
    }),
  },
};

/** Small models trained to guess for a large one carry its name. */
const notTheModel = /eagle|medusa|speculator|draft|mtp|lora|adapter|tokenizer/;

/**
 * The shape of a model by the name under which it is served, with its organization, path or ending (`-Instruct`, `-FP8`)
 * or without; `undefined` when the name is none of a model in the table. Weights in bf16 unless `dtype` says otherwise.
 * @example
 * ```ts
 * import { shapeOfModel } from "prefixlab/hardware";
 * shapeOfModel("meta-llama/Llama-3.1-8B-Instruct")?.parameters; // → 8030261248
 * shapeOfModel("my-own-model"); // → undefined
 * ```
 */
export function shapeOfModel(
  name: string,
  options: Omit<ModelShapeOptions, "name"> = {},
): ModelShape | undefined {
  const served = name.toLowerCase();
  if (notTheModel.test(served)) return undefined;
  const isNamed = (called: string) => {
    const at = served.indexOf(called);
    const [before, after] = [served[at - 1] ?? "/", served[at + called.length] ?? "/"];
    return at >= 0 && /[^a-z0-9.]/.test(before) && /[^a-z0-9]/.test(after);
  };
  for (const [called, { source, alsoCalled = [], config: json }] of Object.entries(knownModels))
    if ([called, ...alsoCalled].some(isNamed))
      return modelShapeFromConfig(json, { ...options, name: source });
  return undefined;
}

/** Qwen/Qwen3-8B in bfloat16. */
export const qwen3With8B: ModelShape = modelShapeFromConfig(knownModels["qwen3-8b"].config, {
  name: "Qwen/Qwen3-8B",
});
