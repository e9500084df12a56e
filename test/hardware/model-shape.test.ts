import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import {
  activeParameters,
  attentionFlopsPerPair,
  cardNames,
  cardOf,
  denseBytesRead,
  depthRatio,
  expertBytes,
  expertShareRead,
  kvBytesPerToken,
  kvBytesPerTokenOver,
  modelShapeFromConfig,
  poolThatFits,
  qwen3With8B,
  requireTensorParallel,
  shapeOfModel,
  weightBytes,
} from "../../lib/hardware/index.js";
import { llama } from "./llama-config.js";

const sparse = {
  ...llama,
  model_type: "qwen3_moe",
  num_experts: 16,
  num_experts_per_tok: 2,
  moe_intermediate_size: 1000,
};

describe("a model's shape", () => {
  it.each([
    // Weights as the Hub counts them in the repository's safetensors.
    ["Qwen/Qwen3-0.6B", 596_049_920],
    ["Qwen/Qwen3-4B", 4_022_468_096],
    ["Qwen/Qwen3-8B", 8_190_735_360],
    ["Qwen/Qwen3-14B", 14_768_307_200],
    ["Qwen/Qwen3-32B", 32_762_123_264],
    ["Qwen/Qwen3-30B-A3B", 30_532_122_624],
    ["Qwen/Qwen3-235B-A22B", 235_093_634_560],
    ["Qwen/Qwen2.5-7B-Instruct", 7_615_616_512],
    ["Qwen/Qwen2.5-32B-Instruct", 32_763_876_352],
    ["Qwen/Qwen2.5-72B-Instruct", 72_706_203_648],
    ["meta-llama/Llama-3.2-1B", 1_235_814_400],
    ["meta-llama/Llama-3.2-3B", 3_212_749_824],
    ["meta-llama/Llama-3.1-8B", 8_030_261_248],
    ["meta-llama/Llama-3.1-70B", 70_553_706_496],
    ["mistralai/Mistral-7B-v0.3", 7_248_023_552],
    ["mistralai/Mixtral-8x7B-v0.1", 46_702_792_704],
  ])("of %s has %i weights", (name, parameters) => {
    expect(shapeOfModel(name)).toMatchObject({ name, parameters });
  });

  it("counts the experts that a token is sent to as the name of the model does", () => {
    // "30B-A3B", "235B-A22B", with embeddings and output layer.
    for (const [name, billions] of [
      ["Qwen/Qwen3-30B-A3B", 3.3],
      ["Qwen/Qwen3-235B-A22B", 22],
    ] as const) {
      const shape = shapeOfModel(name) ?? qwen3With8B;
      const active = activeParameters(shape) + shape.lookupParameters + shape.outputParameters;
      expect(active / 1e9).toBeCloseTo(billions, 0);
    }
  });

  it("gives attention's share of a prompt token's work", () => {
    expect(attentionFlopsPerPair(qwen3With8B)).toBe(4 * 36 * 32 * 128);
    expect(depthRatio(qwen3With8B)).toBeCloseTo(4.246e-5, 8);
    expect(depthRatio(modelShapeFromConfig(llama))).toBeCloseTo(3.756e-5, 8);
    expect(depthRatio(shapeOfModel("Qwen3-30B-A3B") ?? qwen3With8B)).toBeGreaterThan(1e-4);
  });

  it("reads more of its experts, the more tokens are sent to some", () => {
    const shape = modelShapeFromConfig(sparse);
    expect(expertShareRead(shape, 1)).toBeCloseTo(2 / 16, 12);
    expect(expertShareRead(shape, 2)).toBeCloseTo(1 - (14 / 16) ** 2, 12);
    expect(expertShareRead(qwen3With8B, 1)).toBe(1);
    expect(expertBytes(shape)).toBe(2 * (shape.experts?.parameters ?? 0));
    expect(denseBytesRead(shape)).toBe(weightBytes(shape) - expertBytes(shape) - 2 * shape.lookupParameters);
    expect(denseBytesRead(qwen3With8B)).toBe(weightBytes(qwen3With8B) - 2 * 151_936 * 4096);
  });

  it("knows layers that are dense among sparse ones, and experts that every token is sent to", () => {
    const all = modelShapeFromConfig(sparse);
    const expert = 3 * 4096 * 1000;
    const oneDense = modelShapeFromConfig({ ...sparse, mlp_only_layers: [3] });
    expect(oneDense.parameters).toBe(all.parameters - 16 * expert - 16 * 4096 + 3 * 4096 * 14_336);
    expect(oneDense.experts?.parameters).toBe(31 * 16 * expert);
    const everyOther = modelShapeFromConfig({ ...sparse, decoder_sparse_step: 2 });
    expect(everyOther.experts?.parameters).toBe(16 * 16 * expert);
    const shared = modelShapeFromConfig({ ...sparse, shared_expert_intermediate_size: 500 });
    expect(shared.parameters - all.parameters).toBe(32 * (3 * 4096 * 500 + 4096));
    expect(activeParameters(shared) - activeParameters(all)).toBe(32 * (3 * 4096 * 500 + 4096));
  });

  it("weighs half in fp8, but for embeddings and output layer; KV stays in 16 bits unless told", () => {
    const fp8 = modelShapeFromConfig(llama, { dtype: "fp8" });
    const embeddings = 2 * 128_256 * 4096;
    expect(weightBytes(fp8)).toBe(8_030_261_248 - embeddings + 2 * embeddings);
    expect(kvBytesPerToken(fp8)).toBe(131_072);
    expect(kvBytesPerToken(modelShapeFromConfig(llama, { kvDtype: "fp8" }))).toBe(65_536);
  });

  it("takes the format of the weights from the config, where it is quantized", () => {
    const bytes = (quantization_config: unknown) =>
      modelShapeFromConfig({ ...llama, quantization_config }).bytesPerWeight;
    expect(bytes({ quant_method: "fp8" })).toBe(1);
    const weights = { num_bits: 8, type: "float" };
    expect(bytes({ quant_method: "compressed-tensors", config_groups: { group_0: { weights } } })).toBe(1);
    expect(bytes(null)).toBe(2);
    expect(() => bytes({ quant_method: "awq" })).toThrow(
      /quantized by "awq" are not priced, only bf16 and fp8/,
    );
    const int8 = { weights: { num_bits: 8, type: "int" } };
    expect(() => bytes({ quant_method: "compressed-tensors", config_groups: { int8 } })).toThrow(
      /not priced/,
    );
    expect(
      modelShapeFromConfig({ ...llama, quantization_config: { quant_method: "awq" } }, { dtype: "bf16" }),
    ).toEqual(modelShapeFromConfig(llama));
  });

  it.each([
    ["latent attention", { model_type: "deepseek_v3", kv_lora_rank: 512 }, /kv_lora_rank 512 means .*latent/],
    ["a sliding window", { model_type: "mistral", sliding_window: 4096 }, /sliding_window 4096 means/],
    [
      "layers of two kinds",
      { layer_types: ["full_attention", "sliding_attention"] },
      /that are sliding_attention/,
    ],
    ["state-space layers", { model_type: "falcon_mamba", state_size: 16 }, /state_size 16 means state-space/],
    ["linear attention", { model_type: "qwen3_next", linear_num_value_heads: 32 }, /linear attention/],
    ["chunked attention", { model_type: "llama", attention_chunk_size: 8192 }, /attention in chunks/],
    [
      "a family that is not counted",
      { model_type: "gpt2" },
      /model_type "gpt2" is not known, there is llama/,
    ],
    ["no family", { model_type: undefined }, /model_type undefined is not known/],
    ["several models in one", { text_config: {} }, /text_config/],
    [
      "no layers",
      { num_hidden_layers: undefined },
      /num_hidden_layers must be a positive integer, got undefined/,
    ],
    ["heads that do not share", { num_key_value_heads: 5 }, /multiple of num_key_value_heads, got 32 and 5/],
    ["a head of no whole size", { hidden_size: 4100 }, /head_dim must be a positive integer/],
    [
      "more experts chosen than there are",
      { ...sparse, num_experts_per_tok: 17 },
      /at most num_experts, got 17/,
    ],
    [
      "a word for a flag",
      { tie_word_embeddings: "no" },
      /tie_word_embeddings must be true or false, got "no"/,
    ],
  ])("is refused for %s", (_, more, message) => {
    const read = () => modelShapeFromConfig({ ...llama, ...more });
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  });

  it("is refused where there is no config, and in a format that is not priced", () => {
    expect(() => modelShapeFromConfig([])).toThrow(
      /expected an object as in a model's config.json, got an array/,
    );
    expect(() => modelShapeFromConfig(llama, { dtype: "int4" as "fp8" })).toThrow(
      /dtype must be "bf16" or "fp8", got "int4"/,
    );
  });

  it("is that of full attention where a window is named but not used", () => {
    const unused = { ...llama, sliding_window: 131_072, use_sliding_window: false };
    expect(modelShapeFromConfig(unused)).toEqual(modelShapeFromConfig(llama));
    expect(modelShapeFromConfig({ ...llama, sliding_window: null })).toEqual(modelShapeFromConfig(llama));
  });
});

describe("a model's name", () => {
  it.each([
    ["Qwen/Qwen3-8B", "Qwen/Qwen3-8B"],
    ["qwen3-8b", "Qwen/Qwen3-8B"],
    ["/models/Qwen3-8B-FP8/", "Qwen/Qwen3-8B"],
    ["models--Qwen--Qwen3-8B/snapshots/b968826", "Qwen/Qwen3-8B"],
    ["Qwen/Qwen3-30B-A3B-Instruct-2507", "Qwen/Qwen3-30B-A3B"],
    ["Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen/Qwen3-30B-A3B"],
    ["meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B"],
    ["meta-llama/Meta-Llama-3-8B", "meta-llama/Llama-3.1-8B"],
    ["RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "meta-llama/Llama-3.1-70B"],
  ])("%s is that of %s", (name, source) => {
    expect(shapeOfModel(name)?.name).toBe(source);
  });

  it.each(["Qwen/Qwen3-80B", "Qwen/Qwen3-VL-8B", "my-model", "", "AngelSlim/Qwen3-8B_eagle3", "xqwen3-8b"])(
    "%s is none that is known",
    (name) => {
      expect(shapeOfModel(name)).toBeUndefined();
    },
  );
});

describe("a model over several cards", () => {
  it("leaves more than its share of KV on each, as weights are split", () => {
    const at = (tensorParallel: number) => poolThatFits(cardOf("h100"), qwen3With8B, { tensorParallel });
    expect(at(2)).toBeGreaterThan(2 * at(1));
  });

  it("has its KV heads repeated on more cards than heads", () => {
    const shape = shapeOfModel("Qwen/Qwen3-30B-A3B") ?? qwen3With8B;
    expect(kvBytesPerTokenOver(shape, 4)).toBe(kvBytesPerToken(shape));
    expect(kvBytesPerTokenOver(shape, 16)).toBe(4 * kvBytesPerToken(shape));
    const at = (tensorParallel: number) => poolThatFits(cardOf("b200"), shape, { tensorParallel });
    expect(at(16)).toBeLessThan(1.2 * at(4));
  });

  it("is refused where heads cannot be shared", () => {
    expect(() => requireTensorParallel("f", qwen3With8B, 3)).toThrow(
      /f: .*32 attention heads.*3 cards cannot share/,
    );
    expect(() => requireTensorParallel("f", qwen3With8B, 0)).toThrow(
      /tensorParallel must be a positive integer/,
    );
    expect(() =>
      poolThatFits(cardOf("rtx-4090"), shapeOfModel("Qwen3-32B") ?? qwen3With8B, { tensorParallel: 2 }),
    ).toThrow(/needs 30.5 GiB for its weights on each of 2 cards/);
  });
});

describe("the cards", () => {
  it("are known by short name and by that of their data sheet", () => {
    for (const name of cardNames) expect(cardOf(cardOf(name).name)).toBe(cardOf(name));
    expect(cardOf("RTX PRO 6000").memoryBytes).toBe(96 * 2 ** 30);
    expect(cardOf("H200 SXM")).toBe(cardOf("h200"));
    expect(cardOf("NVIDIA-RTX4090")).toBe(cardOf("rtx-4090"));
  });

  it("say where their numbers are from, and compute fp8 twice as fast as bf16 where they can", () => {
    for (const card of cardNames.map(cardOf)) {
      expect(card.source).toMatch(/NVIDIA .*(data sheet|paper)/);
      if (card.peakFlops.fp8) expect(card.peakFlops.fp8 / card.peakFlops.bf16).toBeCloseTo(2, 1);
    }
    expect(cardOf("a100").peakFlops.fp8).toBeUndefined();
  });
});
