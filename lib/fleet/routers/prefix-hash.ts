import { HashRing } from "../hash-ring.js";
import { leastOf, openCount } from "../open-replicas.js";
import type { ClientRouterPolicy } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";

/** The options of {@link prefixHash}, with the defaults of SGLang's `prefix_hash`. */
export const prefixHashOptions = {
  tokens: {
    says: "first prompt tokens that decide, rounded down to whole blocks, at least one",
    usual: 256,
    min: 1,
    isWhole: true,
  },
  loadFactor: {
    word: "load-factor",
    says: "times of the mean requests in flight beyond which a replica is passed over",
    usual: 1.25,
    min: 1,
  },
  virtualNodes: {
    word: "virtual-nodes",
    says: "places of each replica on the ring",
    usual: 150,
    min: 1,
    max: 10_000,
    isWhole: true,
  },
} as const;

/**
 * Consistent hashing of the prompt's first blocks on a ring with virtual nodes; where the replica has more in flight than the
 * mean allows, the least loaded one. A prompt without a full block goes to the least loaded. `prefix_hash` of SGLang's router
 * (`find_worker_with_load_balance` in `sgl-model-gateway/src/policies/prefix_hash.rs`, which hashes tokens, not blocks).
 */
export function prefixHash(given: Partial<OptionValues<typeof prefixHashOptions>> = {}): ClientRouterPolicy {
  const options = chooseOptions("prefix-hash", prefixHashOptions, given);
  return {
    name: nameWithOptions("prefix-hash", prefixHashOptions, options),
    sees: "own-counts",
    start: ({ replicas: { length: count }, blockSizeTokens }) => {
      const ring = new HashRing(count, options.virtualNodes);
      const hashedBlocks = Math.max(1, Math.floor(options.tokens / blockSizeTokens));
      return {
        route: ({ contentIds, promptTokens }, replicas) => {
          const blocks = Math.min(hashedBlocks, Math.floor(promptTokens / blockSizeTokens));
          const least = leastOf(replicas, ({ inFlight }) => inFlight);
          if (blocks === 0) return least;
          const found = ring.find(contentIds[blocks - 1], (replica) => replicas[replica].isOpen);
          let inFlight = 0;
          for (const replica of replicas) if (replica.isOpen) inFlight += replica.inFlight;
          const mostInFlight = (options.loadFactor * (inFlight + 1)) / openCount(replicas);
          const isLoaded = (replica: number) => replicas[replica].inFlight > mostInFlight;
          return inFlight > 0 && isLoaded(found) && !isLoaded(least) ? least : found;
        },
      };
    },
  };
}
