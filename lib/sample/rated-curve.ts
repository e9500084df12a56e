import type { Blocks } from "../base/index.js";
import type { HitRateCurve } from "../cache/index.js";
import { type BlockAccesses, tokenShare } from "../replay/index.js";

/** Hits of a pool of every size, and the prompts of which they are a share. */
export interface RatedCurve {
  readonly hits: HitRateCurve;
  readonly of: Pick<BlockAccesses, "blockSize" | "promptTokens">;
}

/** Share of the prompt tokens that is found in a pool of this size. */
export function hitRate({ hits, of }: RatedCurve, poolBlocks: Blocks): number {
  return tokenShare(hits.hits(poolBlocks), of);
}

/** Share that is found in a pool without bound. */
export function ceilingRate({ hits, of }: RatedCurve): number {
  return tokenShare(hits.lookups - hits.compulsoryMisses, of);
}
