import type { Blocks, Tokens } from "../base/index.js";

/**
 * Full blocks of a prompt that a cache can give. A prompt's last token is computed in any case, as it yields the first
 * token of the answer: one that fills its blocks and is cached to its end computes the last block anew. (vLLM V1,
 * `KVCacheManager.get_computed_blocks`: "must recompute the last token".)
 * @example
 * ```ts
 * import { findableBlocks } from "prefixlab/cache";
 * [findableBlocks(31, 16), findableBlocks(32, 16), findableBlocks(33, 16)]; // → [1, 1, 2]
 * ```
 */
export function findableBlocks(promptTokens: Tokens, blockSize: Tokens): Blocks {
  return Math.max(0, Math.floor((promptTokens - 1) / blockSize));
}
