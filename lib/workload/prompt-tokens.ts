import { InputError, requireInteger, stream, type Tokens } from "../base/index.js";

/**
 * Token ids that ordinary text is made of, so that prompts given as ids hold no control tokens. Prompts are drawn
 * from it uniformly.
 */
export type TokenPool = Int32Array;

/**
 * The pool of all ids from `low` to `high`, both included.
 * @throws InputError when the range holds fewer than two ids
 * @example
 * ```ts
 * import { tokenRange } from "prefixlab/workload";
 * tokenRange(1000, 1003); // → [1000, 1001, 1002, 1003]
 * ```
 */
export function tokenRange(low: number, high: number): TokenPool {
  requireInteger("tokenRange", "low", low);
  requireInteger("tokenRange", "high", high);
  if (high <= low) throw new InputError(`tokenRange: high must be above low, got ${low} to ${high}`);
  return Int32Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/**
 * The distinct ids of tokenized text, ascending: a pool of tokens known to be ordinary.
 * @example
 * ```ts
 * import { tokenPoolOf } from "prefixlab/workload";
 * tokenPoolOf([512, 7, 512, 44]); // → [7, 44, 512]
 * ```
 */
export function tokenPoolOf(ids: Iterable<number>): TokenPool {
  return Int32Array.from(new Set(ids)).sort();
}

/**
 * Random token ids from a pool, drawn from `stream(seed, name)`: the same name gives the same ids, and two names
 * share no 16-token block but by chance (pool size to the power of -16).
 * @throws InputError when the pool is empty or `tokens` no non-negative integer
 * @example
 * ```ts
 * import { promptTokenIds, tokenRange } from "prefixlab/workload";
 * promptTokenIds({ seed: 1, name: "s0/1", tokens: 4, pool: tokenRange(1000, 2000) }); // → [1176, 1449, 1505, 1907]
 * ```
 */
export function promptTokenIds(options: {
  readonly seed: number | string;
  readonly name: string;
  readonly tokens: Tokens;
  readonly pool: TokenPool;
}): Int32Array {
  const tokens = requireInteger("promptTokenIds", "tokens", options.tokens);
  const { pool } = options;
  if (pool.length === 0) throw new InputError("promptTokenIds: pool must not be empty");
  const draws = stream(options.seed, `tokens/${options.name}`);
  const ids = new Int32Array(tokens);
  for (let i = 0; i < tokens; i++) ids[i] = pool[draws.integer(pool.length)];
  return ids;
}
