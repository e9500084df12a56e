// Writes the folder of a small random-weight Qwen3 model that `vllm serve --load-format dummy` accepts:
// the architecture and a tokenizer, no weights. Plain Node, no packages.
//
//   node data/engine/make-model.mjs OUT_DIR [--hidden 512] [--layers 6] [--ffn 1536] ... [--roles]
//
// With --roles its chat template writes each message's role, and tools behind the first message, as templates of real
// models do; without, it joins the messages' contents and adds nothing.
//
// The tokenizer has one token per printable ASCII character and the newline, no merges and no special tokens,
// so a prompt of n characters is exactly n tokens, and generated text tokenizes back to the same ids.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const SHAPE_DEFAULTS = {
  hidden: 512,
  layers: 6,
  ffn: 1536,
  heads: 4,
  "kv-heads": 2,
  "head-dim": 64,
  "max-positions": 16384,
};

/** Token id i is the i-th entry: newline first, then space (0x20) to tilde (0x7e). */
const ALPHABET = ["\n", ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(0x20 + i))];

/** Byte-level tokenizers write unprintable bytes as code points from 256 up: newline is U+010A, space U+0120. */
function byteLevelSymbol(character) {
  const byte = character.charCodeAt(0);
  return byte <= 0x20 ? String.fromCharCode(0x100 + byte) : character;
}

function qwen3Config(shape) {
  return {
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    hidden_size: shape.hidden,
    intermediate_size: shape.ffn,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape["kv-heads"],
    head_dim: shape["head-dim"],
    vocab_size: ALPHABET.length,
    max_position_embeddings: shape["max-positions"],
    hidden_act: "silu",
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    attention_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: false,
    initializer_range: 0.02,
    use_cache: true,
    use_sliding_window: false,
    // No beginning or end of sequence: every id is a character of text.
    bos_token_id: null,
    eos_token_id: null,
    torch_dtype: "bfloat16",
  };
}

function characterTokenizer() {
  const vocab = Object.fromEntries(ALPHABET.map((character, id) => [byteLevelSymbol(character), id]));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      // A byte outside the alphabet counts as one token too, read as a question mark.
      unk_token: "?",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: [],
    },
  };
}

// Contents only, so that a chat's prompt grows by exactly its messages and the next turn repeats the last one's text.
const PLAIN_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}";
const ROLES_TEMPLATE =
  "{% for message in messages %}<{{ message.role }}>{{ message.content or '' }}" +
  "{% if loop.first and tools %}<tools>{{ tools | tojson }}</tools>{% endif %}\n{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% endif %}";

function tokenizerConfig(maxPositions, hasRoles) {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: maxPositions,
    clean_up_tokenization_spaces: false,
    add_bos_token: false,
    add_eos_token: false,
    chat_template: hasRoles ? ROLES_TEMPLATE : PLAIN_TEMPLATE,
  };
}

/** Ends the process as a command line should: one line of reason, exit code 2. */
function refuse(reason) {
  process.stderr.write(`make-model: ${reason}\n`);
  process.exit(2);
}

function parseShape(values) {
  return Object.fromEntries(
    Object.entries(SHAPE_DEFAULTS).map(([name, fallback]) => {
      const value = values[name] === undefined ? fallback : Number(values[name]);
      if (!Number.isInteger(value) || value <= 0) {
        refuse(`--${name} must be a positive integer, got ${values[name]}`);
      }
      return [name, value];
    }),
  );
}

function parseCommandLine() {
  const names = Object.keys(SHAPE_DEFAULTS);
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { ...Object.fromEntries(names.map((name) => [name, { type: "string" }])), roles: { type: "boolean" } },
    });
    if (positionals.length === 1) {
      return { outDir: resolve(positionals[0]), shape: parseShape(values), hasRoles: values.roles === true };
    }
  } catch (error) {
    refuse(error.message);
  }
  return refuse(`usage: node make-model.mjs OUT_DIR [${names.map((name) => `--${name} N`).join("] [")}] [--roles]`);
}

const { outDir, shape, hasRoles } = parseCommandLine();
mkdirSync(outDir, { recursive: true });
for (const [name, content] of Object.entries({
  "config.json": qwen3Config(shape),
  "tokenizer.json": characterTokenizer(),
  "tokenizer_config.json": tokenizerConfig(shape["max-positions"], hasRoles),
})) {
  writeFileSync(join(outDir, name), `${JSON.stringify(content, null, 2)}\n`);
}
process.stdout.write(`${outDir}\n`);
