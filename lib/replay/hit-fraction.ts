import type { SimulationRun } from "../engine/index.js";

/**
 * Share of the prompt tokens that were looked up which was found; 0 where nothing was looked up.
 * @example
 * ```ts
 * import { hitFraction } from "prefixlab/replay";
 * hitFraction({ prefixQueryTokens: 400, prefixHitTokens: 300 }); // → 0.75
 * ```
 */
export function hitFraction({
  prefixQueryTokens,
  prefixHitTokens,
}: Pick<SimulationRun, "prefixQueryTokens" | "prefixHitTokens">): number {
  return prefixQueryTokens > 0 ? prefixHitTokens / prefixQueryTokens : 0;
}
