import type { FleetReuse } from "./reuse-watch.js";

/** Sides of a fleet's reuse as shares of prompt tokens, 0 to 1. */
export interface FleetShares {
  readonly offered: number;
  readonly routed: number;
  readonly delivered: number;
  /** Undefined where the pools cannot be put together. */
  readonly pooled?: number;
}

/**
 * {@link FleetReuse} as shares of the prompt tokens of all requests that were admitted; undefined where none was.
 * @example
 * ```ts
 * import { reuseShares } from "prefixlab/fleet";
 * reuseShares({ promptTokens: 3000, offeredTokens: 1980, routedTokens: 990, deliveredTokens: 990 });
 * // → { offered: 0.66, routed: 0.33, delivered: 0.33 }
 * ```
 */
export function reuseShares({
  promptTokens,
  offeredTokens,
  routedTokens,
  deliveredTokens,
  pooledTokens,
}: Omit<FleetReuse, "byRequest">): FleetShares | undefined {
  if (promptTokens === 0) return undefined;
  return {
    offered: offeredTokens / promptTokens,
    routed: routedTokens / promptTokens,
    delivered: deliveredTokens / promptTokens,
    ...(pooledTokens !== undefined && { pooled: pooledTokens / promptTokens }),
  };
}
