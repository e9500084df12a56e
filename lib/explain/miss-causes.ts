/**
 * Why a prompt token was not found in the prefix cache, in the order that decides where two causes would do.
 *
 * - `first_use`: nobody had sent this prefix.
 * - `diverged`: the turn before, in the same session, goes on in another form from here.
 * - `evicted`: it was in the pool, and left.
 * - `not_ready`: another request was computing it at that moment. vLLM makes a block findable when it schedules the step that
 *   is to fill it (`KVCacheManager.allocate_slots`), so a request of the same step finds it, and one misses only what no step
 *   has been given yet: the later chunks of a long prefill beside which others are admitted. Engines that publish a prefix
 *   when it has been computed, as llama.cpp does a slot when its request is done, miss all of it.
 * - `elsewhere`: another replica had it, or was computing it, and the one that the request was sent to had never seen it.
 * - `block_tail`: it does not fill a block, or its block holds the prompt's last token, which is always computed.
 * - `off`: prefix caching was off.
 * - `reset`: the engine was restarted, or its cache reset, since it was last used.
 * - `evicted_order_unknown`: the engine recorded fewer hits than a pool of its size would give, on blocks that were sent
 *   before, in a pool that does evict.
 * - `not_known`: the row has no block hashes for it.
 * - `unexplained`: none of these.
 * @example
 * ```ts
 * import { missCauses } from "prefixlab/explain";
 * missCauses.slice(0, 3); // → ["first_use", "diverged", "evicted"]
 * ```
 */
export const missCauses = [
  "first_use",
  "diverged",
  "evicted",
  "not_ready",
  "elsewhere",
  "block_tail",
  "off",
  "reset",
  "evicted_order_unknown",
  "not_known",
  "unexplained",
] as const;

/** One of {@link missCauses}. */
export type MissCause = (typeof missCauses)[number];

/** Causes of tokens that no cache could have had: what is new, what fills no block, and what nobody told. */
const notLost: ReadonlySet<MissCause> = new Set(["first_use", "block_tail", "not_known"]);

/**
 * Whether tokens computed for a cause are lost: an earlier prompt should have left them in the cache.
 * @example
 * ```ts
 * import { isLost, missCauses } from "prefixlab/explain";
 * missCauses.filter((cause) => !isLost(cause)); // → ["first_use", "block_tail", "not_known"]
 * ```
 */
export function isLost(cause: MissCause): boolean {
  return !notLost.has(cause);
}
