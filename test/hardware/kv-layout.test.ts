import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import {
  type KvFormat,
  type KvLayout,
  kvBlocksHeld,
  kvBytesPerToken,
  kvLayoutFromConfig,
  kvPoolTokens,
  modelShapeFromConfig,
} from "../../lib/hardware/index.js";
import { llama } from "./llama-config.js";

const folder = new URL("../reference/kv-layout/", import.meta.url);
const read = (file: string) => JSON.parse(readFileSync(new URL(file, folder), "utf8"));

/** A row of expected.json: what vLLM itself made of a model. */
interface Expected {
  readonly model: string;
  readonly kv_dtype: string;
  readonly tensor_parallel: number;
  readonly block_size: number;
  readonly groups: readonly {
    readonly kind: string;
    readonly layers: number;
    readonly block_tokens: number;
    readonly window: number | null;
    readonly bytes: number;
    readonly blocks_per_request: number;
  }[];
  readonly block_bytes: number;
  readonly hit_tokens: number;
  readonly max_in_flight_tokens: number;
  readonly tokens_of_a_gib: number;
}

const configs: Readonly<Record<string, object>> = read("configs.json");
const { rows, max_model_len: maxModelLen } = read("expected.json") as {
  readonly rows: readonly Expected[];
  readonly max_model_len: number;
};

const kinds: Readonly<Record<string, string>> = {
  FullAttentionSpec: "full",
  SlidingWindowSpec: "sliding",
  ChunkedLocalAttentionSpec: "chunked",
  MLAAttentionSpec: "latent",
  MambaSpec: "state",
};

const layoutOf = ({ model, kv_dtype, tensor_parallel, block_size }: Expected): KvLayout =>
  kvLayoutFromConfig(configs[model], {
    ...(kv_dtype !== "auto" && { kvDtype: kv_dtype as KvFormat }),
    tensorParallel: tensor_parallel,
    blockSize: block_size,
  });

describe("the KV cache of a model", () => {
  it.each(rows.map((row) => [row.model, row.kv_dtype, row.tensor_parallel, row.block_size, row] as const))(
    "is vLLM's own: %s, %s, %i cards, blocks of %i",
    (_model, _dtype, _cards, _block, row) => {
      const layout = layoutOf(row);
      expect(layout.groups.map((group) => ({ ...group, statesPerSequence: undefined }))).toEqual(
        row.groups.map(({ kind, layers, block_tokens, window, bytes }) => ({
          kind: kinds[kind],
          layers,
          blockTokens: block_tokens,
          bytes,
          ...(window !== null && { windowTokens: window }),
          statesPerSequence: undefined,
        })),
      );
      expect(layout.blockBytes).toBe(row.block_bytes);
      expect(layout.hitTokens).toBe(row.hit_tokens);
      const inFlightTokens = row.max_in_flight_tokens;
      expect(kvBlocksHeld(layout, maxModelLen, inFlightTokens)).toBe(
        row.groups.reduce((sum, { blocks_per_request }) => sum + blocks_per_request, 0),
      );
      expect(kvPoolTokens(layout, 2 ** 30, { maxModelLen, inFlightTokens })).toBe(row.tokens_of_a_gib);
    },
  );

  it("covers every kind of layer that is known, over one card and several", () => {
    const kindsSeen = (cards: (n: number) => boolean) =>
      new Set(
        rows
          .filter(({ tensor_parallel }) => cards(tensor_parallel))
          .flatMap(({ groups }) => groups.map(({ kind }) => kinds[kind])),
      );
    expect([...kindsSeen((n) => n === 1)].sort()).toEqual(["chunked", "full", "latent", "sliding", "state"]);
    expect([...kindsSeen((n) => n > 1)].sort()).toEqual(["chunked", "full", "latent", "sliding", "state"]);
  });

  it("is that of the model's shape where all layers keep everything", () => {
    for (const tensorParallel of [1, 2, 8])
      expect(kvLayoutFromConfig(llama, { tensorParallel }).bytesPerToken * tensorParallel).toBe(
        kvBytesPerToken(modelShapeFromConfig(llama)),
      );
  });

  it("holds what its groups hold: no group is wider than a block, and none of its tokens is free", () => {
    for (const row of rows) {
      const layout = layoutOf(row);
      const tokens = 1_000_000;
      const bytes = kvBlocksHeld(layout, tokens, 2048) * layout.blockBytes;
      expect(Math.max(...layout.groups.map((group) => group.bytes))).toBe(layout.blockBytes);
      expect(bytes).toBeGreaterThanOrEqual(tokens * layout.bytesPerToken);
      const more = kvBlocksHeld(layout, 2 * tokens, 2048) * layout.blockBytes - bytes;
      const slack = layout.groups.length * layout.blockBytes;
      expect(Math.abs(more - tokens * layout.bytesPerToken)).toBeLessThanOrEqual(slack);
    }
  });
});

describe("the pool of a started vLLM, one GiB on a CPU", () => {
  const { models, rows: pools } = read("engine-pools.json") as {
    readonly models: Readonly<Record<string, object>>;
    readonly rows: readonly {
      readonly model: string;
      readonly kv_dtype: string;
      readonly block_size: number;
      readonly max_model_len: number;
      readonly max_in_flight_tokens: number;
      readonly pool_bytes: number;
      readonly blocks: number;
      readonly tokens: number;
    }[];
  };

  it.each(pools.map((pool) => [pool.model, pool.kv_dtype, pool.block_size, pool] as const))(
    "has as many blocks and tokens: %s, %s, blocks of %i",
    (model, kvDtype, blockSize, pool) => {
      const layout = kvLayoutFromConfig(models[model], {
        ...(kvDtype !== "auto" && { kvDtype: kvDtype as KvFormat }),
        blockSize,
        // vLLM's CPU platform has recurrent states in 32 bits, whatever the model.
        stateDtype: "float32",
      });
      expect(Math.floor(pool.pool_bytes / layout.blockBytes)).toBe(pool.blocks);
      const request = { maxModelLen: pool.max_model_len, inFlightTokens: pool.max_in_flight_tokens };
      expect(kvPoolTokens(layout, pool.pool_bytes, request)).toBe(pool.tokens);
    },
  );
});

const deepSeek = {
  model_type: "deepseek_v3",
  num_hidden_layers: 61,
  kv_lora_rank: 512,
  qk_rope_head_dim: 64,
};
const window = (more: object) => ({ ...llama, model_type: "gemma3_text", sliding_window: 1024, ...more });

describe("the format of keys and values", () => {
  it("counts the scales that stand in the cache", () => {
    // 8 heads of a key and a value of 128 numbers, 32 layers.
    const bytes = (kvDtype: KvFormat) => kvLayoutFromConfig(llama, { kvDtype }).bytesPerToken / (32 * 8 * 2);
    expect(bytes("bf16")).toBe(256);
    expect(bytes("fp8")).toBe(128);
    expect(bytes("int8_per_token_head")).toBe(132);
    expect(bytes("fp8_per_token_head")).toBe(132);
    expect(bytes("int4_per_token_head")).toBe(68);
    expect(bytes("nvfp4")).toBe(72);
    expect(kvLayoutFromConfig(deepSeek, { kvDtype: "int4_per_token_head" }).bytesPerToken / 61).toBe(296);
  });

  it("is what a quantized checkpoint asks for, unless told", () => {
    const scheme = { kv_cache_scheme: { num_bits: 8, type: "float" } };
    const kvDtype = (quantization_config: unknown, given: { kvDtype?: KvFormat } = {}) =>
      kvLayoutFromConfig({ ...llama, quantization_config }, given).kvDtype;
    expect(kvDtype(scheme)).toBe("fp8");
    expect(kvDtype({ kv_cache_quant_algo: "FP8" })).toBe("fp8");
    expect(kvDtype({ quant_method: "awq", kv_cache_scheme: null })).toBe("bf16");
    expect(kvDtype(scheme, { kvDtype: "bf16" })).toBe("bf16");
    expect(() => kvDtype({ kv_cache_quant_algo: "NVFP4" })).toThrow(
      /asks for a KV cache of "NVFP4".*give kvDtype/,
    );
  });
});

describe("what a layout does not know", () => {
  it.each([
    ["no config", [], {}, /expected an object as in a model's config.json, got an array/],
    ["no family", { model_type: "bert" }, {}, /model_type "bert" is not known, there is llama/],
    ["a state space alone", { model_type: "mamba2" }, {}, /model_type "mamba2" is not known/],
    ["sparse attention's index", { ...deepSeek, index_topk: 2048 }, {}, /index_topk.*not counted/],
    [
      "a window in some layers",
      { ...llama, model_type: "qwen2", use_sliding_window: true },
      {},
      /use_sliding_window/,
    ],
    ["another kind of layer", window({ layer_types: Array(32).fill("ring") }), {}, /layer_types has "ring"/],
    [
      "layers without a kind",
      window({ layer_types: ["full_attention"] }),
      {},
      /layer_types must name each of 32/,
    ],
    [
      "a missing field",
      { ...llama, num_hidden_layers: undefined },
      {},
      /num_hidden_layers must be a positive/,
    ],
    ["cards that share no heads", llama, { tensorParallel: 3 }, /8 heads .* split over 3 cards nor repeated/],
    ["half a kernel's block", llama, { blockSize: 24 }, /blockSize must be a multiple of 16/],
    ["a format that there is not", llama, { kvDtype: "int3" as "fp8" }, /kvDtype must be one of bf16, fp8/],
    [
      "a state of no known format",
      llama,
      { stateDtype: "fp8" as "bf16" },
      /stateDtype must be "bf16" or "float32"/,
    ],
    ["latent attention in nvfp4", deepSeek, { kvDtype: "nvfp4" as const }, /no latent attention in nvfp4/],
    ["a text model that is none", { text_config: 7 }, {}, /text_config must be an object, got 7/],
  ])("is refused: %s", (_, json, options, message) => {
    const read = () => kvLayoutFromConfig(json, options);
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  });

  it("is said beside the numbers: windows and states limit what is found, a latent kernel may have larger blocks", () => {
    const warnings = (json: unknown) => kvLayoutFromConfig(json).warnings.join("; ");
    expect(warnings(llama)).toBe("");
    expect(warnings(window({}))).toMatch(/only the last window/);
    expect(warnings(configs["Qwen3.5-27B"])).toMatch(/multiple of 784 tokens/);
    expect(warnings(deepSeek)).toMatch(/blocks of 16 tokens are assumed/);
    expect(kvLayoutFromConfig(llama).prefixReuse).toBe("blocks");
    expect(kvLayoutFromConfig(window({})).prefixReuse).toBe("window");
    expect(kvLayoutFromConfig(configs["Jamba-1.5-Mini"]).prefixReuse).toBe("state");
  });

  it("is not the text part of a config of several models", () => {
    const parts = { model_type: "llava", vision_config: { num_hidden_layers: 2 }, text_config: llama };
    expect(kvLayoutFromConfig(parts)).toEqual(kvLayoutFromConfig(llama));
  });

  it("is no pool that holds less than a block", () => {
    const layout = kvLayoutFromConfig(llama);
    expect(() => kvPoolTokens(layout, 1000, { maxModelLen: 8192, inFlightTokens: 2048 })).toThrow(
      /a block of llama takes 2097152 bytes a card, got 1000/,
    );
  });
});
