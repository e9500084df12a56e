import { InputError, requireInteger, stream, type Tokens } from "../base/index.js";
import type { TokenPool } from "./prompt-tokens.js";

/** Content ids are below this. */
const CONTENT_ID_LIMIT = 2 ** 31;

/**
 * The block of a content id: always the same, and another one for every other id.
 * @throws InputError when the id is no integer from 0 to 2^31 - 1
 */
export type BlockExpander = (contentId: number) => Int32Array;

/**
 * Expands each content id of a plan to one deterministic block of tokens, so that prompts share prefixes at the same
 * block boundaries as the trace they come from. A block begins with its id, written in the number system whose digits
 * are the pool's tokens (shifted by the seed, so that another seed gives other blocks), and goes on at random: equal
 * blocks mean equal ids without fail.
 * @throws InputError when a block is too short, or the pool too small, to tell all ids apart
 * @example
 * ```ts
 * import { blockExpander, tokenRange } from "prefixlab/workload";
 * const expand = blockExpander({ blockSize: 16, pool: tokenRange(1000, 2000), seed: 1 });
 * expand(7).length; // → 16
 * expand(7).join() === expand(7).join(); // → true
 * ```
 */
export function blockExpander(options: {
  readonly blockSize: Tokens;
  readonly pool: TokenPool;
  readonly seed: number | string;
}): BlockExpander {
  const { pool, seed } = options;
  const blockSize = requireInteger("blockExpander", "blockSize", options.blockSize, 1);
  const digits = Math.ceil(31 / Math.log2(Math.max(2, pool.length)));
  if (pool.length < 2 || digits > blockSize)
    throw new InputError(
      `blockExpander: blocks of ${blockSize} tokens from a pool of ${pool.length} cannot tell 2^31 ids apart`,
    );
  const draws = stream(seed, "block shifts");
  const shifts = Int32Array.from({ length: digits }, () => draws.integer(pool.length));
  return (contentId) => {
    requireInteger("blockExpander", "contentId", contentId);
    if (contentId >= CONTENT_ID_LIMIT)
      throw new InputError(`blockExpander: contentId must be below 2^31, got ${contentId}`);
    const rest = stream(seed, `block ${contentId}`);
    const block = new Int32Array(blockSize);
    let value = contentId;
    for (let i = 0; i < blockSize; i++) {
      const digit = i < digits ? (value + shifts[i]) % pool.length : rest.integer(pool.length);
      block[i] = pool[digit];
      value = Math.floor(value / pool.length);
    }
    return block;
  };
}
