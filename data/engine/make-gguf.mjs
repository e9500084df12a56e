// Writes a small random-weight model that `llama-server --model OUT.gguf` loads: the shape of make-model.mjs in the
// llama architecture, with the same tokenizer, one token per printable ASCII character and the newline. Plain Node, no
// packages. The same bytes every time.
//
//   node data/engine/make-gguf.mjs OUT.gguf
//
// Format: GGUF version 3 (ggml, docs/gguf.md): header, key-value pairs, tensor infos, then the tensors, 32-byte aligned.
import { closeSync, openSync, writeSync } from "node:fs";

const HIDDEN = 512;
const LAYERS = 6;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD_DIM = 64;
const FFN = 1536;
const MAX_POSITIONS = 16384;
const ALIGNMENT = 32;

/** llama.cpp wants an end-of-text token: the last one. Requests send `ignore_eos`, so it is never drawn. */
const END = "<|end|>";
/** Byte-level tokenizers write unprintable bytes as code points from 256 up: newline is U+010A, space U+0120. */
const TOKENS = ["\u010a", "\u0120", ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)), END];

const u32 = (n) => Buffer.from(Uint32Array.of(n).buffer);
const u64 = (n) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
const text = (s) => Buffer.concat([u64(Buffer.byteLength(s)), Buffer.from(s)]);
const list = (type, items) => Buffer.concat([u32(type), u64(items.length), ...items]);

/** Value types of the format. */
const U32 = 4;
const I32 = 5;
const F32 = 6;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

const pairs = [
  ["general.architecture", STRING, text("llama")],
  ["general.name", STRING, text("small")],
  ["llama.context_length", U32, u32(MAX_POSITIONS)],
  ["llama.embedding_length", U32, u32(HIDDEN)],
  ["llama.block_count", U32, u32(LAYERS)],
  ["llama.feed_forward_length", U32, u32(FFN)],
  ["llama.attention.head_count", U32, u32(HEADS)],
  ["llama.attention.head_count_kv", U32, u32(KV_HEADS)],
  ["llama.attention.key_length", U32, u32(HEAD_DIM)],
  ["llama.attention.value_length", U32, u32(HEAD_DIM)],
  ["llama.rope.dimension_count", U32, u32(HEAD_DIM)],
  ["llama.attention.layer_norm_rms_epsilon", F32, Buffer.from(Float32Array.of(1e-6).buffer)],
  ["llama.vocab_size", U32, u32(TOKENS.length)],
  ["tokenizer.ggml.model", STRING, text("gpt2")],
  ["tokenizer.ggml.pre", STRING, text("gpt-2")],
  ["tokenizer.ggml.tokens", ARRAY, list(STRING, TOKENS.map(text))],
  // 1 is an ordinary token, 3 a control token.
  ["tokenizer.ggml.token_type", ARRAY, list(I32, TOKENS.map((token) => u32(token === END ? 3 : 1)))],
  ["tokenizer.ggml.merges", ARRAY, list(STRING, [])],
  ["tokenizer.ggml.bos_token_id", U32, u32(TOKENS.length - 1)],
  ["tokenizer.ggml.eos_token_id", U32, u32(TOKENS.length - 1)],
  ["tokenizer.ggml.add_bos_token", BOOL, Buffer.from([0])],
  ["tokenizer.chat_template", STRING, text("{% for message in messages %}{{ message['content'] }}{% endfor %}")],
];

/** Innermost dimension first, as the format has it. */
const tensors = [
  ["token_embd.weight", HIDDEN, TOKENS.length],
  ["output_norm.weight", HIDDEN],
  ["output.weight", HIDDEN, TOKENS.length],
  ...Array.from({ length: LAYERS }, (_, layer) =>
    [
      ["attn_norm", HIDDEN],
      ["attn_q", HIDDEN, HEADS * HEAD_DIM],
      ["attn_k", HIDDEN, KV_HEADS * HEAD_DIM],
      ["attn_v", HIDDEN, KV_HEADS * HEAD_DIM],
      ["attn_output", HEADS * HEAD_DIM, HIDDEN],
      ["ffn_norm", HIDDEN],
      ["ffn_gate", HIDDEN, FFN],
      ["ffn_up", HIDDEN, FFN],
      ["ffn_down", FFN, HIDDEN],
    ].map(([name, ...shape]) => [`blk.${layer}.${name}.weight`, ...shape]),
  ).flat(),
].map(([name, ...shape]) => ({ name, shape, bytes: shape.reduce((a, b) => a * b, 1) * (shape.length === 1 ? 4 : 2) }));

const padding = (bytes) => Buffer.alloc((ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT);

let state = 2463534242;
function xorshift32() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

/** Norms are ones in f32; matrices are f16 of random sign and magnitude in 2^-6 to 2^-5: sign bit, exponent 9, mantissa. */
function weights({ shape }) {
  if (shape.length === 1) return Buffer.from(new Float32Array(shape[0]).fill(1).buffer);
  const values = new Uint16Array(shape[0] * shape[1]);
  for (let i = 0; i < values.length; i++) {
    const bits = xorshift32();
    values[i] = ((bits >>> 31) << 15) | (9 << 10) | ((bits >>> 8) & 0x3ff);
  }
  return Buffer.from(values.buffer);
}

const [out, ...rest] = process.argv.slice(2);
if (out === undefined || rest.length > 0 || out.startsWith("-")) {
  process.stderr.write("make-gguf: usage: node make-gguf.mjs OUT.gguf\n");
  process.exit(2);
}
let offset = 0;
const infos = tensors.map(({ name, shape, bytes }) => {
  const type = shape.length === 1 ? 0 : 1; // GGML_TYPE_F32, GGML_TYPE_F16
  const info = Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(type), u64(offset)]);
  offset += bytes + padding(bytes).length;
  return info;
});
const head = Buffer.concat([
  Buffer.from("GGUF"),
  u32(3),
  u64(tensors.length),
  u64(pairs.length),
  ...pairs.map(([key, type, value]) => Buffer.concat([text(key), u32(type), value])),
  ...infos,
]);
const file = openSync(out, "w");
writeSync(file, Buffer.concat([head, padding(head.length)]));
for (const tensor of tensors) writeSync(file, Buffer.concat([weights(tensor), padding(tensor.bytes)]));
closeSync(file);
process.stdout.write(`${out}\n`);
