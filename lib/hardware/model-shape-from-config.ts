import { type Bytes, describeValue, InputError, requireInteger } from "../base/index.js";
import type { ExpertShape, ModelShape } from "./model-shape.js";

/** Formats of numbers that a card computes in. */
export const numberFormats = ["bf16", "fp8"] as const;
export type NumberFormat = (typeof numberFormats)[number];

/** Bytes of a number. 16-bit floats are of one size and speed. */
const bytesOf: Readonly<Record<NumberFormat, Bytes>> = { bf16: 2, fp8: 1 };

/** How {@link modelShapeFromConfig} reads a config. */
export interface ModelShapeOptions {
  /** For messages and results. Default: `_name_or_path`, else the model's type. */
  readonly name?: string;
  /** Of the weights in the layers. Default: what the config's `quantization_config` says, else bf16. */
  readonly dtype?: NumberFormat;
  /** Of the KV cache. Default bf16. */
  readonly kvDtype?: NumberFormat;
}

type Config = Readonly<Record<string, unknown>>;

/** What a family of models does beside the common layer: two norms, grouped-query attention, a gated MLP of three matrices. */
interface Family {
  /** A norm of queries and one of keys, a head wide. */
  readonly headNorms?: true;
  /** Biases of the query, key and value projections. */
  readonly attentionBiases?: true;
}

/** Families whose layers are counted here, by `model_type`. */
const families: Readonly<Record<string, Family>> = {
  llama: {},
  mistral: {},
  mixtral: {},
  qwen2: { attentionBiases: true },
  qwen2_moe: { attentionBiases: true },
  qwen3: { headNorms: true },
  qwen3_moe: { headNorms: true },
};

/** Keys of layers that are no attention over the whole context, each with what it tells. */
const otherLayers: Readonly<Record<string, string>> = {
  kv_lora_rank: "multi-head latent attention: its cache holds a compressed vector, not keys and values",
  attention_chunk_size: "attention in chunks",
  full_attention_interval: "linear attention in most layers",
  linear_num_value_heads: "linear attention",
  hybrid_override_pattern: "layers of several kinds",
  layers_block_type: "layers of several kinds",
  attn_layer_period: "layers of several kinds",
  mamba_d_state: "state-space layers",
  ssm_cfg: "state-space layers",
  state_size: "state-space layers",
};

/**
 * The shape of a model from its Hugging Face `config.json`: weights counted from the shapes of its layers (exact for the
 * families it knows), experts, heads. Mixtures of experts as Qwen and Mixtral have them.
 * @throws InputError when a field is missing or wrong; when the family is not known; and when the layers keep something
 * other than keys and values of all tokens (sliding windows, latent, linear or chunked attention, state spaces)
 * @example
 * ```ts
 * import { depthRatio, modelShapeFromConfig } from "prefixlab/hardware";
 * const shape = modelShapeFromConfig({
 *   model_type: "llama", hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32,
 *   num_attention_heads: 32, num_key_value_heads: 8, vocab_size: 128256, tie_word_embeddings: false,
 * });
 * shape.parameters; // → 8030261248
 * ```
 */
export function modelShapeFromConfig(json: unknown, options: ModelShapeOptions = {}): ModelShape {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new InputError(
      `${where}: expected an object as in a model's config.json, got ${describeValue(json)}`,
    );
  const config = json as Config;
  const family = familyOf(config);
  refuseOtherLayers(config);
  const count = (key: string, usual?: number) =>
    requireInteger(where, key, config[key] ?? usual ?? undefined, 1);

  const layers = count("num_hidden_layers");
  const hiddenSize = count("hidden_size");
  const attentionHeads = count("num_attention_heads");
  const kvHeads = count("num_key_value_heads", attentionHeads);
  if (attentionHeads % kvHeads !== 0)
    throw new InputError(
      `${where}: num_attention_heads must be a multiple of num_key_value_heads, got ${attentionHeads} and ${kvHeads}`,
    );
  const headDim = count(
    "head_dim",
    hiddenSize % attentionHeads === 0 ? hiddenSize / attentionHeads : undefined,
  );

  const mlp = mlpParameters(config, layers, hiddenSize);
  const [queries, keys] = [attentionHeads * headDim, kvHeads * headDim];
  const attention = 2 * hiddenSize * (queries + keys);
  const biases = family.attentionBiases ? queries + 2 * keys : 0;
  const norms = 2 * hiddenSize + (family.headNorms ? 2 * headDim : 0);
  const embedding = count("vocab_size") * hiddenSize;
  const tied = flag(config, "tie_word_embeddings") ?? false;
  return {
    name: options.name ?? nameOf(config),
    parameters:
      layers * (attention + biases + norms) + hiddenSize + mlp.parameters + embedding * (tied ? 1 : 2),
    lookupParameters: tied ? 0 : embedding,
    outputParameters: embedding,
    ...(mlp.experts && { experts: mlp.experts }),
    layers,
    hiddenSize,
    attentionHeads,
    kvHeads,
    headDim,
    headNorms: family.headNorms ?? false,
    bytesPerWeight: bytesOf[checkedFormat("dtype", options.dtype ?? weightFormat(config))],
    bytesPerKvNumber: bytesOf[checkedFormat("kvDtype", options.kvDtype ?? "bf16")],
  };
}

const where = "modelShapeFromConfig";

function familyOf(config: Config): Family {
  if (config.text_config !== undefined)
    throw new InputError(
      `${where}: the config is of several models, as text_config shows: give the text model's own config, if it has one`,
    );
  const type = config.model_type;
  if (typeof type === "string" && Object.hasOwn(families, type)) return families[type];
  // A model of another kind of layer is refused for that, which says more.
  refuseOtherLayers(config);
  throw new InputError(
    `${where}: model_type ${describeValue(type)} is not known, there is ${Object.keys(families).join(", ")}; fit a model on a capture instead`,
  );
}

function refuseOtherLayers(config: Config): void {
  const refuse = (key: string, kind: string) => {
    throw new InputError(
      `${where}: ${key} ${describeValue(config[key])} means ${kind}; only models whose layers all keep keys and values of the whole context are counted here`,
    );
  };
  for (const [key, kind] of Object.entries(otherLayers)) {
    const value = config[key];
    if (value !== undefined && value !== null && value !== false && value !== 0) refuse(key, kind);
  }
  const windows = typeof config.sliding_window === "number" && flag(config, "use_sliding_window") !== false;
  if (windows) refuse("sliding_window", "attention that forgets what lies further back");
  const types = config.layer_types;
  if (Array.isArray(types) && types.some((type) => type !== "full_attention"))
    refuse("layer_types", `layers that are ${types.find((type) => type !== "full_attention")}`);
}

/** Weights of the MLPs, or of the experts with their routers, of all layers. */
function mlpParameters(
  config: Config,
  layers: number,
  hiddenSize: number,
): { readonly parameters: number; readonly experts?: ExpertShape } {
  const gated = (width: number) => 3 * hiddenSize * width;
  const count = (key: string) => requireInteger(where, key, config[key], 1);
  const expertsKey = ["num_experts", "num_local_experts"].find((key) => typeof config[key] === "number");
  if (expertsKey === undefined || config[expertsKey] === 0)
    return { parameters: layers * gated(count("intermediate_size")) };

  const experts = count(expertsKey);
  const perToken = count("num_experts_per_tok");
  if (perToken > experts)
    throw new InputError(
      `${where}: num_experts_per_tok must be at most ${expertsKey}, got ${perToken} and ${experts}`,
    );
  const isMixtral = config.model_type === "mixtral";
  const expertWidth = count(isMixtral ? "intermediate_size" : "moe_intermediate_size");
  const denseOnly = Array.isArray(config.mlp_only_layers) ? config.mlp_only_layers.map(Number) : [];
  const every = config.decoder_sparse_step === undefined ? 1 : count("decoder_sparse_step");
  const sparse = Array.from({ length: layers }, (_, layer) => layer).filter(
    (layer) => !denseOnly.includes(layer) && (layer + 1) % every === 0,
  ).length;
  const dense = sparse < layers ? (layers - sparse) * gated(count("intermediate_size")) : 0;
  // A shared expert has a gate of its own.
  const sharedWidth =
    config.shared_expert_intermediate_size === undefined ? 0 : count("shared_expert_intermediate_size");
  const shared = sharedWidth > 0 ? gated(sharedWidth) + hiddenSize : 0;
  const ofExperts = sparse * experts * gated(expertWidth);
  return {
    parameters: dense + sparse * (experts * hiddenSize + shared) + ofExperts,
    experts: { count: experts, perToken, parameters: ofExperts },
  };
}

/** The format of the weights by `quantization_config`; 16-bit floats where there is none. */
function weightFormat(config: Config): NumberFormat {
  const given = config.quantization_config;
  if (given === undefined || given === null) return "bf16";
  const quantization = given as Config;
  const method = quantization.quant_method;
  if (method === "fp8" || method === "fbgemm_fp8") return "fp8";
  const groups = Object.values((quantization.config_groups ?? {}) as Readonly<Record<string, Config>>);
  const weights = groups.map((group) => group.weights as Config | undefined);
  if (weights.length > 0 && weights.every((of) => of?.num_bits === 8 && of.type === "float")) return "fp8";
  throw new InputError(
    `${where}: weights quantized by ${describeValue(method)} are not priced, only bf16 and fp8; say dtype to price the model as if it were one of these`,
  );
}

function checkedFormat(name: string, value: unknown): NumberFormat {
  const known = numberFormats.find((format) => format === value);
  if (known) return known;
  throw new InputError(
    `${where}: ${name} must be ${numberFormats.map((format) => `"${format}"`).join(" or ")}, got ${describeValue(value)}`,
  );
}

function flag(config: Config, key: string): boolean | undefined {
  const value = config[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw new InputError(`${where}: ${key} must be true or false, got ${describeValue(value)}`);
}

function nameOf(config: Config): string {
  const path = config._name_or_path;
  return typeof path === "string" && path !== "" ? path : String(config.model_type);
}
