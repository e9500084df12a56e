import {
  type Blocks,
  type Bytes,
  describeValue,
  InputError,
  requireInteger,
  type Tokens,
} from "../base/index.js";
import { type KvFormat, kvFormats } from "./kv-format.js";
import {
  blocksOf,
  hitTokensOf,
  type KvGroup,
  keepsAll,
  kernelTokens,
  kvGroupsOf,
  kvPageOf,
} from "./kv-groups.js";
import { type KvConfig, type KvLayer, kvLayersOf } from "./kv-layers.js";

/** How {@link kvLayoutFromConfig} reads a config. */
export interface KvLayoutOptions {
  /** For messages and results. Default: `_name_or_path`, else the model's type. */
  readonly name?: string;
  /** Of the KV cache. Default: what the config's quantization says of the KV cache, else bf16. */
  readonly kvDtype?: KvFormat;
  /** Of recurrent states, as `--mamba-ssm-cache-dtype`. Default: the model's own. */
  readonly stateDtype?: "bf16" | "float32";
  /** Cards over which tensor parallelism splits the model. Default 1. */
  readonly tensorParallel?: number;
  /** Tokens of a block, as `--block-size`. Default 16, as most of vLLM's attention kernels on a GPU have. */
  readonly blockSize?: Tokens;
}

/** What an engine's KV cache of a model is made of, on one card. */
export interface KvLayout {
  readonly name: string;
  readonly kvDtype: KvFormat;
  readonly tensorParallel: number;
  /** In the order of the model's layers. All draw blocks of one size from one pool. */
  readonly groups: readonly KvGroup[];
  /** Of one block of the pool, on one card. */
  readonly blockBytes: Bytes;
  /** Of one more token of a long sequence, on one card: windows and states take no more, so 0 where no layer keeps all. */
  readonly bytesPerToken: Bytes;
  /** A prefix is found in multiples of so many tokens. */
  readonly hitTokens: Tokens;
  /**
   * What a hit needs. `blocks`: every block from the start. `window`: of some layers only the last window. `state`: also a
   * state that was kept just there. vLLM 0.32 keeps windows and states at the ends of prompts and where prompts part, by
   * default not in between.
   */
  readonly prefixReuse: "blocks" | "window" | "state";
  /** What was assumed, or limits what the numbers say. */
  readonly warnings: readonly string[];
}

/**
 * The KV cache that vLLM 0.32 makes of a model, from its Hugging Face `config.json`: which layers keep what, the groups
 * that share blocks, the bytes of a block and of a token. Of a config of several models the text model is read. Facts from
 * vLLM's `kv_cache_utils` and `kv_cache_interface`; equal to vLLM's own on the models in test/reference/kv-layout.
 * @throws InputError when the family is not known, a field is missing or wrong, or the cards cannot share the heads
 * @example
 * ```ts
 * import { kvLayoutFromConfig } from "prefixlab/hardware";
 * const deepSeek = kvLayoutFromConfig({
 *   model_type: "deepseek_v3", num_hidden_layers: 61, kv_lora_rank: 512, qk_rope_head_dim: 64,
 * });
 * deepSeek.bytesPerToken; // → 70272
 * ```
 */
export function kvLayoutFromConfig(json: unknown, options: KvLayoutOptions = {}): KvLayout {
  const config = textConfig(json);
  const cards = requireInteger(where, "tensorParallel", options.tensorParallel ?? 1, 1);
  const blockSize = requireInteger(where, "blockSize", options.blockSize ?? usualBlockSize, 1);
  if (blockSize % kernelTokens !== 0)
    throw new InputError(
      `${where}: blockSize must be a multiple of ${kernelTokens}, as vLLM's attention kernels take, got ${blockSize}`,
    );
  const kvDtype = formatOf(json as KvConfig, options.kvDtype);
  const recurrentBytes = options.stateDtype === undefined ? undefined : stateBytes(options.stateDtype);
  const layers = kvLayersOf(config);
  if (layers.length === 0)
    throw new InputError(`${where}: no layer of the model keeps keys and values of its own`);
  const groups = kvGroupsOf(
    layers.map((layer) => kvPageOf(layer, cards, kvDtype, recurrentBytes)),
    blockSize,
  );
  const blockBytes = Math.max(...groups.map(({ bytes }) => bytes));
  const has = (kind: KvLayer["kind"]) => groups.some((group) => group.kind === kind);
  const prefixReuse = has("state") ? "state" : has("sliding") || has("chunked") ? "window" : "blocks";
  return {
    name: options.name ?? nameOf(config),
    kvDtype,
    tensorParallel: cards,
    groups,
    blockBytes,
    bytesPerToken: groups.reduce(
      (bytes, { kind, blockTokens }) => bytes + (keepsAll(kind) ? blockBytes / blockTokens : 0),
      0,
    ),
    hitTokens: hitTokensOf(groups),
    prefixReuse,
    warnings: warningsOf(groups, prefixReuse, options),
  };
}

/**
 * Blocks of the pool that a sequence of so many tokens holds while it runs, as vLLM counts them for its "KV cache size".
 * @param inFlightTokens tokens scheduled and not yet done with: the token budget, twice that with asynchronous scheduling
 * @example
 * ```ts
 * import { kvBlocksHeld, kvLayoutFromConfig } from "prefixlab/hardware";
 * const layout = kvLayoutFromConfig({
 *   model_type: "gpt_oss", num_hidden_layers: 24, hidden_size: 2880, head_dim: 64,
 *   num_attention_heads: 64, num_key_value_heads: 8, sliding_window: 128,
 * });
 * kvBlocksHeld(layout, 8192, 2048); // → 649
 * ```
 */
export function kvBlocksHeld({ groups }: KvLayout, tokens: Tokens, inFlightTokens: Tokens): Blocks {
  return groups.reduce((blocks, group) => blocks + blocksOf(group, tokens, inFlightTokens), 0);
}

/**
 * Bytes that the end of a kept prompt takes in windows, on one card, beside what grows by the token. vLLM 0.32 keeps of the layers
 * with windows only the last window before a prompt's last token (`prefix_cache_retention_interval` 0), nothing of the answer:
 * a next turn finds the prompt before it up to there, and computes the answer again.
 * @example
 * ```ts
 * import { kvLayoutFromConfig, kvWindowBytesKept } from "prefixlab/hardware";
 * const layout = kvLayoutFromConfig({
 *   model_type: "gpt_oss", num_hidden_layers: 24, hidden_size: 2880, head_dim: 64,
 *   num_attention_heads: 64, num_key_value_heads: 8, sliding_window: 128,
 * });
 * kvWindowBytesKept(layout); // → 3145728
 * ```
 */
export function kvWindowBytesKept({ groups, blockBytes }: KvLayout): Bytes {
  return groups.reduce(
    (bytes, { kind, blockTokens, windowTokens = 1 }) =>
      bytes + (kind === "sliding" ? Math.ceil((windowTokens - 1) / blockTokens) * blockBytes : 0),
    0,
  );
}

/**
 * Tokens that vLLM's log says a pool of so many bytes a card holds ("GPU KV cache size"): those of sequences of
 * `maxModelLen` tokens each.
 * @throws InputError when not even one block fits
 * @example
 * ```ts
 * import { kvLayoutFromConfig, kvPoolTokens } from "prefixlab/hardware";
 * const layout = kvLayoutFromConfig({
 *   model_type: "llama", num_hidden_layers: 32, hidden_size: 4096, num_attention_heads: 32, num_key_value_heads: 8,
 * });
 * kvPoolTokens(layout, 10 * 2 ** 30, { maxModelLen: 8192, inFlightTokens: 2048 }); // → 81920
 * ```
 */
export function kvPoolTokens(
  layout: KvLayout,
  bytes: Bytes,
  { maxModelLen, inFlightTokens }: { readonly maxModelLen: Tokens; readonly inFlightTokens: Tokens },
): Tokens {
  const blocks = Math.floor(bytes / layout.blockBytes);
  if (blocks < 1)
    throw new InputError(
      `kvPoolTokens: a block of ${layout.name} takes ${layout.blockBytes} bytes a card, got ${describeValue(bytes)}`,
    );
  return Math.floor((blocks / kvBlocksHeld(layout, maxModelLen, inFlightTokens)) * maxModelLen);
}

const where = "kvLayoutFromConfig";

const usualBlockSize = 16;

function textConfig(json: unknown): KvConfig {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new InputError(
      `${where}: expected an object as in a model's config.json, got ${describeValue(json)}`,
    );
  const config = json as KvConfig;
  const text = config.text_config ?? config.llm_config;
  if (text === undefined || text === null) return config;
  if (typeof text !== "object" || Array.isArray(text))
    throw new InputError(`${where}: text_config must be an object, got ${describeValue(text)}`);
  return text as KvConfig;
}

/** A KV cache's format that a quantized checkpoint asks for is what vLLM takes unless told. */
function formatOf(config: KvConfig, given: KvFormat | undefined): KvFormat {
  if (given !== undefined) {
    if (kvFormats.includes(given)) return given;
    throw new InputError(
      `${where}: kvDtype must be one of ${kvFormats.join(", ")}, got ${describeValue(given)}`,
    );
  }
  const quantized = config.quantization_config as KvConfig | undefined | null;
  const scheme = (quantized?.kv_cache_scheme ?? undefined) as KvConfig | undefined;
  const algorithm = quantized?.kv_cache_quant_algo;
  if (scheme === undefined && (algorithm === undefined || algorithm === null)) return "bf16";
  if (scheme?.num_bits === 8 && scheme.type === "float") return "fp8";
  if (typeof algorithm === "string" && algorithm.toLowerCase() === "fp8") return "fp8";
  throw new InputError(
    `${where}: quantization_config asks for a KV cache of ${describeValue(scheme ?? algorithm)}, which is not known: give kvDtype`,
  );
}

function stateBytes(format: unknown): Bytes {
  if (format === "float32") return 4;
  if (format === "bf16") return 2;
  throw new InputError(`${where}: stateDtype must be "bf16" or "float32", got ${describeValue(format)}`);
}

function warningsOf(
  groups: readonly KvGroup[],
  prefixReuse: KvLayout["prefixReuse"],
  { blockSize, kvDtype }: KvLayoutOptions,
): string[] {
  const warnings: string[] = [];
  if (blockSize === undefined && groups.some(({ kind }) => kind === "latent"))
    warnings.push(
      `blocks of ${usualBlockSize} tokens are assumed; kernels of latent attention may take 32, 64 or 128`,
    );
  if (prefixReuse === "window")
    warnings.push(
      "some layers keep only the last window: a prefix that ends elsewhere than at the end of a prompt, or where prompts part, may not be found",
    );
  if (prefixReuse === "state")
    warnings.push(
      `some layers keep a state of one size: a prefix is found only where a state was kept, at a multiple of ${hitTokensOf(groups)} tokens at the end of a prompt or where prompts part`,
    );
  if (kvDtype !== undefined && kvDtype !== "bf16" && kvDtype !== "fp8")
    warnings.push(`not every card and kernel of vLLM 0.32 has a KV cache in ${kvDtype}`);
  return warnings;
}

function nameOf(config: KvConfig): string {
  const path = config._name_or_path;
  return typeof path === "string" && path !== "" ? path : String(config.model_type);
}
