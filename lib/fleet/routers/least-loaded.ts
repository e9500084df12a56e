import { leastOf } from "../open-replicas.js";
import type { ClientRouterPolicy } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";

/** The options of {@link leastLoaded}. */
export const leastLoadedOptions = {
  by: {
    says: "what is counted: requests in flight, or their prompt tokens",
    usual: "requests",
    words: ["requests", "tokens"],
  },
} as const;

/**
 * Least loaded: to the replica with the fewest requests in flight, or the fewest prompt tokens in flight; of equals, the first.
 * nginx's `least_conn`; by tokens as `dp_min_token` of SGLang's router (`sgl-model-gateway/src/policies/dp_min_token.rs`).
 */
export function leastLoaded(
  given: Partial<OptionValues<typeof leastLoadedOptions>> = {},
): ClientRouterPolicy {
  const options = chooseOptions("least-loaded", leastLoadedOptions, given);
  return {
    name: nameWithOptions("least-loaded", leastLoadedOptions, options),
    sees: "own-counts",
    start: () => ({
      route: (_, replicas) =>
        leastOf(
          replicas,
          options.by === "tokens" ? (replica) => replica.inFlightPromptTokens : (replica) => replica.inFlight,
        ),
    }),
  };
}
