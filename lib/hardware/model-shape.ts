import type { Bytes } from "../base/index.js";

/** What a dense transformer's `config.json` says of its size. */
export interface ModelShape {
  readonly name: string;
  readonly parameters: number;
  readonly layers: number;
  readonly attentionHeads: number;
  /** Heads of keys and values: fewer than of queries under grouped-query attention. */
  readonly kvHeads: number;
  readonly headDim: number;
  /** Bytes a weight, and a number in the KV cache. */
  readonly bytesPerWeight: Bytes;
  readonly bytesPerKvNumber: Bytes;
}

/** Qwen/Qwen3-8B: its config.json and model card, in bfloat16. */
export const qwen3With8B: ModelShape = {
  name: "Qwen/Qwen3-8B",
  parameters: 8.19e9,
  layers: 36,
  attentionHeads: 32,
  kvHeads: 8,
  headDim: 128,
  bytesPerWeight: 2,
  bytesPerKvNumber: 2,
};

/** KV of one token in every layer: a key and a value a head, as vLLM's `FullAttentionSpec` counts it. */
export function kvBytesPerToken({ layers, kvHeads, headDim, bytesPerKvNumber }: ModelShape): Bytes {
  return 2 * layers * kvHeads * headDim * bytesPerKvNumber;
}
