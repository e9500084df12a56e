import { describeValue, InputError, requireInteger, type Tokens } from "../base/index.js";

/** Heads of one layer's keys and values, of all cards together. */
interface KvHeads {
  readonly heads: number;
  /** Numbers of a key, and of a value, of one head. */
  readonly headDim: number;
}

/** What one layer keeps of a sequence. */
export type KvLayer =
  /** Keys and values of all tokens. */
  | ({ readonly kind: "full" } & KvHeads)
  /** Of the last `windowTokens` tokens. */
  | ({ readonly kind: "sliding"; readonly windowTokens: Tokens } & KvHeads)
  /** Of the chunk of `windowTokens` tokens that the last one is in. */
  | ({ readonly kind: "chunked"; readonly windowTokens: Tokens } & KvHeads)
  /** Multi-head latent attention: one vector for all tokens and heads, the same on every card. */
  | { readonly kind: "latent"; readonly numbers: number }
  /** Linear attention or a state space: a state of one size, however long the sequence. */
  | StateLayer;

/** One array of a state, divided by the cards. */
export interface StateArray {
  readonly numbers: (cards: number) => number;
  /** As the model has it. Default 2. */
  readonly bytesPerNumber?: number;
  /** It is the recurrent state, whose format `--mamba-ssm-cache-dtype` can change; others are of convolutions. */
  readonly isRecurrent?: true;
}

export interface StateLayer {
  readonly kind: "state";
  readonly arrays: readonly StateArray[];
  /** States that a running sequence may hold at once: the one in use, the one written next, and a prefill's checkpoint. */
  readonly statesPerSequence: number;
}

/** What is read of a `config.json`. */
export type KvConfig = Readonly<Record<string, unknown>>;

type Reader = (config: KvConfig) => readonly KvLayer[];

const where = "kvLayoutFromConfig";

/** The layers of a model in their order; those that use another layer's KV are left out. */
export function kvLayersOf(config: KvConfig): readonly KvLayer[] {
  const type = config.model_type;
  if (typeof type === "string" && Object.hasOwn(readers, type)) return readers[type](config);
  throw new InputError(
    `${where}: model_type ${describeValue(type)} is not known, there is ${Object.keys(readers).join(", ")}; give the bytes of a token instead`,
  );
}

/** Every layer with full attention, or, where the config has a `sliding_window` and no `layer_types`, with that window. */
function alike(config: KvConfig): readonly KvLayer[] {
  const types = config.layer_types;
  if (Array.isArray(types) && types.some((type) => type !== "full_attention"))
    return byType(() => refuse("layer_types is missing"))(config);
  const window = types === undefined || types === null ? windowOf(config) : undefined;
  const layer = window === undefined ? full(config) : sliding(config, window);
  return repeat(count(config, "num_hidden_layers"), () => layer);
}

/** Qwen 2 and 3 name a window that they do not use. */
const qwen: Reader = (config) => {
  if (config.use_sliding_window === true)
    refuse("use_sliding_window true: which layers of this family have a window is not known here");
  return alike({ ...config, sliding_window: undefined });
};

/** Full and sliding layers as `layer_types` says, else by the family's own pattern. */
function byType(
  isSliding: (layer: number, config: KvConfig) => boolean,
  usual: { readonly windowTokens?: number; readonly moreTokens?: number } = {},
): Reader {
  return (config) => {
    const window = count(config, "sliding_window", usual.windowTokens) + (usual.moreTokens ?? 0);
    const types = layerTypes(config, ["full_attention", "sliding_attention"]);
    return repeat(count(config, "num_hidden_layers"), (layer) =>
      (types ? types[layer] === "sliding_attention" : isSliding(layer, config))
        ? sliding(config, window)
        : full(config),
    );
  };
}

/** Every n-th layer, n by `sliding_window_pattern` or the family's own, has full attention. */
const everyNthFull = (usual: number) => (layer: number, config: KvConfig) =>
  (layer + 1) % count(config, "sliding_window_pattern", usual) !== 0;

/** gpt-oss: a window in the first layer and every other one, whatever `layer_types` says. */
const gptOss: Reader = (config) => byType((layer) => layer % 2 === 0)({ ...config, layer_types: undefined });

/** The last `num_kv_shared_layers` layers use the KV of earlier ones. */
const sharing =
  (reader: Reader, usual: number): Reader =>
  (config) => {
    const layers = reader(config);
    const shared = requireInteger(where, "num_kv_shared_layers", config.num_kv_shared_layers ?? usual, 0);
    return layers.slice(0, Math.max(0, layers.length - shared));
  };

/** Gemma 4: full-attention layers have heads of another number and width. */
const gemma4: Reader = sharing((config) => {
  const wide = {
    ...config,
    head_dim: config.global_head_dim ?? config.head_dim,
    num_key_value_heads: config.num_global_key_value_heads ?? config.num_key_value_heads,
  };
  const layers = byType(everyNthFull(6))(config);
  return layers.map((layer) => (layer.kind === "full" ? full(wide) : layer));
}, 0);

/** Llama 4: chunks where there is rotary embedding, the whole context in every fourth layer, which has none. */
const llama4: Reader = (config) => {
  const layers = count(config, "num_hidden_layers");
  const rotary = Array.isArray(config.no_rope_layers) && config.no_rope_layers.length > 0;
  if (rotary && (config.no_rope_layers as unknown[]).length !== layers)
    refuse(`no_rope_layers must have one entry for each of ${layers} layers`);
  const chunk = config.attention_chunk_size;
  return repeat(layers, (layer) => {
    const hasRotary = rotary ? (config.no_rope_layers as unknown[])[layer] !== 0 : (layer + 1) % 4 !== 0;
    return hasRotary && chunk !== null && chunk !== undefined
      ? { ...full(config), kind: "chunked", windowTokens: count(config, "attention_chunk_size") }
      : full(config);
  });
};

/** DeepSeek's latent attention. With an index of tokens beside it (sparse attention), it is another cache. */
const latent: Reader = (config) => {
  if (config.index_topk !== undefined && config.index_topk !== null)
    refuse("index_topk: the cache of sparse attention's index is not counted");
  const layer = latentLayer(config);
  return repeat(count(config, "num_hidden_layers"), () => layer);
};

function latentLayer(config: KvConfig): KvLayer {
  return {
    kind: "latent",
    numbers: count(config, "kv_lora_rank") + count(config, "qk_rope_head_dim"),
  };
}

/** Gated delta networks (Qwen3-Next, Qwen3.5) in all layers but every n-th. */
const gatedDelta =
  (stateBytes: (config: KvConfig) => number): Reader =>
  (config) => {
    const types = layerTypes(config, ["full_attention", "linear_attention"]);
    const keys = count(config, "linear_num_key_heads") * count(config, "linear_key_head_dim");
    const valueHeads = count(config, "linear_num_value_heads");
    const valueDim = count(config, "linear_value_head_dim");
    const keyDim = count(config, "linear_key_head_dim");
    const kernel = count(config, "linear_conv_kernel_dim");
    const state = stateLayer(
      [
        { numbers: (cards) => divided(2 * keys + valueHeads * valueDim, cards) * (kernel - 1) },
        {
          numbers: (cards) => divided(valueHeads, cards) * valueDim * keyDim,
          bytesPerNumber: stateBytes(config),
          isRecurrent: true,
        },
      ],
      2,
    );
    const every = count(config, "full_attention_interval", 4);
    return repeat(count(config, "num_hidden_layers"), (layer) =>
      (types ? types[layer] === "full_attention" : (layer + 1) % every === 0) ? full(config) : state,
    );
  };

/** Mamba 1, as in Jamba. */
const jamba: Reader = (config) => {
  const width = count(config, "mamba_expand") * count(config, "hidden_size");
  const [every, offset] = [
    count(config, "attn_layer_period"),
    requireInteger(where, "attn_layer_offset", config.attn_layer_offset, 0),
  ];
  const state = stateLayer(
    [
      { numbers: (cards) => divided(width, cards) * (count(config, "mamba_d_conv") - 1) },
      { numbers: (cards) => divided(width, cards) * count(config, "mamba_d_state"), isRecurrent: true },
    ],
    2,
  );
  return repeat(count(config, "num_hidden_layers"), (layer) =>
    layer % every === offset ? full(config) : state,
  );
};

/** Names of Mamba 2's sizes in a family's config. */
interface Mamba2Keys {
  readonly heads: string;
  readonly headDim: string;
  readonly groups: string;
  readonly state: string;
  readonly kernel: string;
}

function mamba2(config: KvConfig, keys: Mamba2Keys, stateBytes: number): StateLayer {
  const [heads, headDim] = [count(config, keys.heads), count(config, keys.headDim)];
  const [groups, state] = [count(config, keys.groups), count(config, keys.state)];
  const kernel = count(config, keys.kernel);
  return stateLayer(
    [
      {
        numbers: (cards) => {
          // Groups that do not divide are repeated, so that each head finds its own on its card.
          const held = groups % cards === 0 ? groups : cards;
          return divided(heads * headDim + 2 * held * state, cards) * (kernel - 1);
        },
      },
      {
        numbers: (cards) => divided(heads, cards) * headDim * state,
        bytesPerNumber: stateBytes,
        isRecurrent: true,
      },
    ],
    3,
  );
}

const mambaKeys: Mamba2Keys = {
  heads: "mamba_n_heads",
  headDim: "mamba_d_head",
  groups: "mamba_n_groups",
  state: "mamba_d_state",
  kernel: "mamba_d_conv",
};

/** Nemotron-H: a letter a layer, M for Mamba 2, * for attention, others for layers that keep nothing. */
const nemotronH: Reader = (config) => {
  const pattern = config.hybrid_override_pattern;
  if (typeof pattern !== "string" || pattern.length !== count(config, "num_hidden_layers"))
    refuse(
      `hybrid_override_pattern must have a letter for each of num_hidden_layers layers, got ${describeValue(pattern)}`,
    );
  const unknown = [...(pattern as string)].find((letter) => !"M*-E".includes(letter));
  if (unknown !== undefined) refuse(`hybrid_override_pattern has a layer ${describeValue(unknown)}`);
  const state = mamba2(
    config,
    {
      heads: "mamba_num_heads",
      headDim: "mamba_head_dim",
      groups: "n_groups",
      state: "ssm_state_size",
      kernel: "conv_kernel",
    },
    bytesOf(config, "mamba_ssm_cache_dtype", 4),
  );
  return [...(pattern as string)].flatMap((letter): readonly KvLayer[] =>
    letter === "M" ? [state] : letter === "*" ? [full(config)] : [],
  );
};

const graniteHybrid: Reader = (config) => {
  const types = layerTypes(config, ["attention", "mamba"]);
  if (!types) refuse("layer_types is missing");
  const state = mamba2(config, mambaKeys, 2);
  return (types as readonly string[]).map((type) => (type === "mamba" ? state : full(config)));
};

/** Falcon-H1: Mamba 2 and attention side by side in every layer. */
const falconH1: Reader = (config) => {
  const state = mamba2(config, mambaKeys, 2);
  return repeat(count(config, "num_hidden_layers"), (): readonly KvLayer[] => [full(config), state]).flat();
};

/** LFM2: short convolutions between layers of attention. */
const lfm2: Reader = (config) => {
  const types = layerTypes(config, ["full_attention", "conv"]);
  if (!types) refuse("layer_types is missing");
  const width = count(config, "conv_dim", count(config, "hidden_size"));
  const state = stateLayer(
    [{ numbers: (cards) => divided(width, cards) * (count(config, "conv_L_cache") - 1) }],
    2,
  );
  return (types as readonly string[]).map((type) => (type === "conv" ? state : full(config)));
};

/** Families by `model_type`, each as vLLM 0.32 builds its layers. */
const readers: Readonly<Record<string, Reader>> = {
  llama: alike,
  // Without the key it is what transformers' MistralConfig has.
  mistral: (config) => alike({ sliding_window: 4096, ...config }),
  mixtral: alike,
  phi3: alike,
  starcoder2: alike,
  gemma: alike,
  granite: alike,
  granitemoe: alike,
  glm4: alike,
  glm4_moe: alike,
  minimax_m2: alike,
  olmo2: alike,
  seed_oss: alike,
  smollm3: alike,
  ernie4_5: alike,
  ernie4_5_moe: alike,
  qwen2: qwen,
  qwen2_moe: qwen,
  qwen2_5_vl: qwen,
  qwen2_5_vl_text: qwen,
  qwen3: qwen,
  qwen3_moe: qwen,
  qwen3_vl_text: qwen,
  qwen3_vl_moe_text: qwen,
  gemma2: byType((layer) => layer % 2 === 0, { windowTokens: 4096 }),
  gemma3_text: byType(everyNthFull(6), { windowTokens: 4096 }),
  gemma3n_text: sharing(byType(everyNthFull(5), { windowTokens: 512 }), 15),
  gemma4_text: gemma4,
  gpt_oss: gptOss,
  // The token itself comes on top of the window.
  cohere2: byType(everyNthFull(4), { windowTokens: 4096, moreTokens: 1 }),
  exaone4: byType(() => refuse("layer_types is missing")),
  olmo3: byType(everyNthFull(4), { windowTokens: 4096 }),
  llama4_text: llama4,
  deepseek_v2: latent,
  deepseek_v3: latent,
  kimi_k2: latent,
  glm4_moe_lite: latent,
  qwen3_next: gatedDelta(() => 2),
  qwen3_5_text: gatedDelta((config) => bytesOf(config, "mamba_ssm_dtype")),
  qwen3_5_moe_text: gatedDelta((config) => bytesOf(config, "mamba_ssm_dtype")),
  jamba,
  nemotron_h: nemotronH,
  granitemoehybrid: graniteHybrid,
  falcon_h1: falconH1,
  lfm2,
  lfm2_moe: lfm2,
};

function full(config: KvConfig): KvLayer & { readonly kind: "full" } {
  const attentionHeads = count(config, "num_attention_heads");
  const hiddenSize = count(config, "hidden_size");
  return {
    kind: "full",
    heads: count(config, "num_key_value_heads", attentionHeads),
    headDim: count(
      config,
      "head_dim",
      hiddenSize % attentionHeads === 0 ? hiddenSize / attentionHeads : undefined,
    ),
  };
}

function sliding(config: KvConfig, windowTokens: Tokens): KvLayer {
  return { ...full(config), kind: "sliding", windowTokens };
}

function stateLayer(arrays: readonly StateArray[], statesPerSequence: number): StateLayer {
  return { kind: "state", arrays, statesPerSequence };
}

function windowOf(config: KvConfig): Tokens | undefined {
  const window = config.sliding_window;
  return window === undefined || window === null || window === 0
    ? undefined
    : count(config, "sliding_window");
}

function layerTypes(config: KvConfig, known: readonly string[]): readonly string[] | undefined {
  const types = config.layer_types;
  if (types === undefined || types === null) return undefined;
  const layers = count(config, "num_hidden_layers");
  if (!Array.isArray(types) || types.length !== layers)
    refuse(`layer_types must name each of ${layers} layers, got ${describeValue(types)}`);
  const other = (types as unknown[]).find((type) => !known.includes(type as string));
  if (other !== undefined)
    refuse(`layer_types has ${describeValue(other)}, expected ${known.join(" or ")} in this family`);
  return types as readonly string[];
}

function count(config: KvConfig, key: string, usual?: number): number {
  return requireInteger(where, key, config[key] ?? usual ?? undefined, 1);
}

function divided(numbers: number, cards: number): number {
  if (numbers % cards !== 0) refuse(`a state of ${numbers} cannot be split over ${cards} cards`);
  return numbers / cards;
}

function bytesOf(config: KvConfig, key: string, usual = 2): number {
  const given = config[key];
  if (given === undefined || given === null) return usual;
  if (given === "float32") return 4;
  if (given === "bfloat16" || given === "float16") return 2;
  return refuse(`${key} must be float32, bfloat16 or float16, got ${describeValue(given)}`);
}

function repeat<T>(times: number, of: (index: number) => T): T[] {
  return Array.from({ length: times }, (_, index) => of(index));
}

function refuse(what: string): never {
  throw new InputError(`${where}: ${what}`);
}
