import { leastOf } from "../open-replicas.js";
import type { ClientRouterPolicy, ClientView } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";
import { SentPrefixes } from "../sent-prefixes.js";

/** The options of {@link prefixAffinity}, with the defaults of SGLang's `launch_router`. */
export const prefixAffinityOptions = {
  cacheThreshold: {
    word: "cache-threshold",
    says: "share of the prompt that must have been sent before, more than which goes where it was sent",
    usual: 0.3,
    min: 0,
    max: 1,
  },
  balanceAbsThreshold: {
    word: "balance-abs-threshold",
    says: "requests by which the most loaded replica must exceed the least loaded for the load to decide",
    usual: 64,
    min: 0,
  },
  balanceRelThreshold: {
    word: "balance-rel-threshold",
    says: "times by which it must exceed it as well",
    usual: 1.5,
    min: 1,
  },
  maxTreeTokens: {
    word: "max-tree-tokens",
    says: "prompt tokens that are remembered of each replica (SGLang: 2^26 characters)",
    usual: 2 ** 24,
    min: 1,
  },
  evictionIntervalS: {
    word: "eviction-interval",
    says: "s between two looks at the tree's size",
    usual: 120,
    min: 0.001,
  },
} as const;

/**
 * Prefix affinity: a tree of what was sent where. While the load is balanced, a prompt goes to the replica to which the most of
 * it was sent first, where that is more than a share of it; else, and while the load is not balanced, to the one with the fewest
 * requests in flight, the first of equals. `cache_aware` of SGLang's router (`select_worker` in
 * `sgl-model-gateway/src/policies/cache_aware.rs`, `insert`, `prefix_match` and `evict_tenant_by_size` in `tree.rs`).
 *
 * Different from SGLang: the tree is of blocks, not of characters, so that a match is rounded down to a block; and where its first
 * replica has forgotten a prefix, the lowest that has it is taken, not any.
 */
export function prefixAffinity(
  given: Partial<OptionValues<typeof prefixAffinityOptions>> = {},
): ClientRouterPolicy {
  const options = chooseOptions("prefix-affinity", prefixAffinityOptions, given);
  const intervalMs = 1000 * options.evictionIntervalS;
  return {
    name: nameWithOptions("prefix-affinity", prefixAffinityOptions, options),
    sees: "own-counts",
    start: ({ replicas: { length: count }, blockSizeTokens }) => {
      const tree = new SentPrefixes(count);
      const maxBlocks = Math.ceil(options.maxTreeTokens / blockSizeTokens);
      let lookMs = intervalMs;
      const isImbalanced = (replicas: readonly ClientView[]) => {
        let [most, least] = [0, Number.POSITIVE_INFINITY];
        for (const { isOpen, inFlight } of replicas) {
          if (!isOpen) continue;
          most = Math.max(most, inFlight);
          least = Math.min(least, inFlight);
        }
        return most - least > options.balanceAbsThreshold && most > least * options.balanceRelThreshold;
      };
      return {
        route: ({ contentIds, promptTokens }, replicas, nowMs) => {
          for (; lookMs <= nowMs; lookMs += intervalMs)
            for (let replica = 0; replica < count; replica++) tree.shrink(replica, maxBlocks);
          const promptBlocks = Math.floor(promptTokens / blockSizeTokens);
          const match = isImbalanced(replicas) ? undefined : tree.match(contentIds, promptBlocks);
          const isAffine = match && (match.blocks * blockSizeTokens) / promptTokens > options.cacheThreshold;
          const replica = isAffine ? match.replica : leastOf(replicas, ({ inFlight }) => inFlight);
          tree.insert(contentIds, promptBlocks, replica);
          return replica;
        },
        onReplica: (replica) => tree.forget(replica),
      };
    },
  };
}
