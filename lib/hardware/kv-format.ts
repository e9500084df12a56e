import type { Bytes } from "../base/index.js";

/** Formats of numbers in the KV cache, by vLLM's `--kv-cache-dtype`; `bf16` stands for its 16-bit floats. */
export const kvFormats = [
  "bf16",
  "fp8",
  "int8_per_token_head",
  "fp8_per_token_head",
  "int4_per_token_head",
  "nvfp4",
] as const;
export type KvFormat = (typeof kvFormats)[number];

/** A number's bytes, and the bytes that each stored vector has beside its numbers. */
interface KvFormatShape {
  readonly numberBytes: number;
  readonly scaleBytes: (numbers: number) => Bytes;
}

const noScale = () => 0;
/** One 32-bit scale a vector: vLLM stores it behind the numbers. */
const oneScale = () => 4;

/** The scales of `fp8` are one a layer, outside the cache. */
const shapes: Readonly<Record<KvFormat, KvFormatShape>> = {
  bf16: { numberBytes: 2, scaleBytes: noScale },
  fp8: { numberBytes: 1, scaleBytes: noScale },
  int8_per_token_head: { numberBytes: 1, scaleBytes: oneScale },
  fp8_per_token_head: { numberBytes: 1, scaleBytes: oneScale },
  int4_per_token_head: { numberBytes: 0.5, scaleBytes: oneScale },
  // A byte of scale for 16 numbers.
  nvfp4: { numberBytes: 0.5, scaleBytes: (numbers) => Math.floor(numbers / 16) },
};

/** Bytes of one key or value of so many numbers, as vLLM 0.32 stores it. */
export function kvVectorBytes(format: KvFormat, numbers: number): Bytes {
  const { numberBytes, scaleBytes } = shapes[format];
  return Math.floor(numbers * numberBytes) + scaleBytes(numbers);
}
