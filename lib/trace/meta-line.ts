import { describeValue } from "../base/index.js";
import { checkedInt, checkedString } from "./row-checks.js";
import { RowError } from "./row-error.js";
import type { JsonValue, TraceMeta } from "./trace.js";

const known = ["model", "gpu", "source", "block_size", "max_num_seqs", "max_num_batched_tokens"];

/**
 * Block size, in tokens, of a trace with hashes whose meta line does not say.
 * @example
 * ```ts
 * import { defaultBlockSize } from "prefixlab/trace";
 * defaultBlockSize; // → 16
 * ```
 */
export const defaultBlockSize = 16;

/**
 * The facts in the `{"meta": {...}}` line of the tap schema.
 * @throws RowError when a known field has a value that it cannot have
 * @example
 * ```ts
 * import { metaFromJson } from "prefixlab/trace";
 * metaFromJson({ model: "small", block_size: 16, max_num_seqs: 64, engine: "vllm" });
 * // → { model: "small", blockSize: 16, maxNumSeqs: 64, extra: { engine: "vllm" } }
 * ```
 */
export function metaFromJson(json: unknown): TraceMeta {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new RowError(`meta must be an object, got ${describeValue(json)}`);
  const fields = json as Record<string, JsonValue>;
  const model = checkedString("meta.model", fields.model);
  const gpu = checkedString("meta.gpu", fields.gpu);
  const source = checkedString("meta.source", fields.source);
  const blockSize = checkedInt("meta.block_size", fields.block_size, 1);
  const maxNumSeqs = checkedInt("meta.max_num_seqs", fields.max_num_seqs, 1);
  const maxNumBatchedTokens = checkedInt("meta.max_num_batched_tokens", fields.max_num_batched_tokens, 1);
  const extra = Object.fromEntries(Object.entries(fields).filter(([key]) => !known.includes(key)));
  return {
    ...(model !== undefined && { model }),
    ...(gpu !== undefined && { gpu }),
    ...(source !== undefined && { source }),
    ...(blockSize !== undefined && { blockSize }),
    ...(maxNumSeqs !== undefined && { maxNumSeqs }),
    ...(maxNumBatchedTokens !== undefined && { maxNumBatchedTokens }),
    extra,
  };
}

/** The `{"meta": {...}}` line, without its line end. */
export function metaToLine(meta: TraceMeta): string {
  return JSON.stringify({
    meta: {
      ...(meta.source !== undefined && { source: meta.source }),
      ...(meta.model !== undefined && { model: meta.model }),
      ...(meta.gpu !== undefined && { gpu: meta.gpu }),
      ...(meta.blockSize !== undefined && { block_size: meta.blockSize }),
      ...(meta.maxNumSeqs !== undefined && { max_num_seqs: meta.maxNumSeqs }),
      ...(meta.maxNumBatchedTokens !== undefined && { max_num_batched_tokens: meta.maxNumBatchedTokens }),
      ...meta.extra,
    },
  });
}
