import { InputError, requireFinite, requireInteger, type Tokens } from "../base/index.js";
import { type HitRateCurve, hitRateCurveOf, optimalHits } from "../cache/index.js";
import { tokenShare } from "../replay/index.js";
import type { ServedInTurn } from "./served-in-turn.js";

/** One pool size. Shares are of all prompt tokens. */
export interface MemoryCurveRow {
  readonly poolTokens: Tokens;
  /** Found by a pool that gives up the least recently used block, as vLLM's does. */
  readonly lru: number;
  /** The most that any policy could find, one that knows the future included; see {@link optimalHits}. */
  readonly optimum: number;
}

/** How much of the prompts is found in a pool of any size. */
export interface MemoryCurve {
  /** From the smallest pool that serves every request to the one beyond which nothing more is found. */
  readonly rows: readonly MemoryCurveRow[];
  /** Share of prompt tokens that a pool without end finds: what was sent before. */
  readonly unbounded: number;
  /** The smallest pool of least recently used blocks that finds all of it. */
  readonly saturationTokens: Tokens;
  /**
   * The pool from which on a further token of pool brings less than the mean one up to saturation (Satopaa et al. 2011), of those
   * that serve every request.
   */
  readonly kneeTokens: Tokens;
  /** Share found by a pool of least recently used blocks of so many tokens. */
  lru(poolTokens: Tokens): number;
  /** The smallest pool of at least {@link ServedInTurn.longestTokens} that finds this part of {@link MemoryCurve.unbounded}. */
  poolTokensFor(part: number): Tokens;
}

/** Which sizes {@link memoryCurve} has rows for. */
export interface MemoryCurveOptions {
  /** Rows, evenly spaced on a logarithmic axis, at least 2. Default 40. */
  readonly sizes?: number;
  /** Further sizes, tokens: each has a row of its own. */
  readonly poolTokens?: readonly Tokens[];
}

/**
 * The share of prompt tokens that a prefix cache finds, for pools of all sizes at once: exact for requests that are served
 * one after another. An engine serves several at once: its running requests hold blocks, and what it finds at a size is
 * less by as much as they hold.
 * @throws InputError when a size has no room for the longest request
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { memoryCurve, servedInTurn } from "prefixlab/size";
 * const served = servedInTurn(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * const curve = memoryCurve(served);
 * [curve.unbounded, curve.saturationTokens, curve.poolTokensFor(0.95)]; // → [0.915, 4960, 3280]
 * ```
 */
export function memoryCurve(served: ServedInTurn, options: MemoryCurveOptions = {}): MemoryCurve {
  const { runs, blockSize, longestTokens } = served;
  const sizes = requireInteger("memoryCurve", "sizes", options.sizes ?? 40, 2);
  const curve = hitRateCurveOf(runs);
  const share = (hits: number) => tokenShare(hits, served);
  const lru = (poolTokens: Tokens) => share(curve.hits(Math.floor(poolTokens / blockSize)));
  const leastBlocks = Math.ceil(longestTokens / blockSize);
  const mostBlocks = Math.max(leastBlocks, curve.saturationBlocks);
  const given = (options.poolTokens ?? []).map((tokens) => {
    requireFinite("memoryCurve", "poolTokens", tokens, 0);
    if (tokens < longestTokens)
      throw new InputError(
        `memoryCurve: a pool of ${tokens} tokens has no room for the longest request, which fills ${longestTokens}`,
      );
    return Math.floor(tokens / blockSize);
  });
  const rowBlocks = [...new Set([...logSpaced(leastBlocks, mostBlocks, sizes), ...given])].sort(
    (a, b) => a - b,
  );
  const best = optimalHits(runs, rowBlocks);
  return {
    rows: rowBlocks.map((blocks, i) => ({
      poolTokens: blocks * blockSize,
      lru: share(curve.hits(blocks)),
      optimum: share(best[i]),
    })),
    unbounded: share(curve.lookups - curve.compulsoryMisses),
    saturationTokens: curve.saturationBlocks * blockSize,
    kneeTokens: kneeBlocks(curve, leastBlocks) * blockSize,
    lru,
    poolTokensFor: (part) => {
      requireFinite("poolTokensFor", "part", part, 0, 1);
      const wanted = part * curve.hits(curve.saturationBlocks);
      return Math.max(leastBlocks, smallestWith(curve, wanted)) * blockSize;
    },
  };
}

/** The smallest pool with so many hits: they never fall with size. */
function smallestWith(curve: HitRateCurve, hits: number): number {
  let low = 0;
  let high = curve.saturationBlocks;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.hits(middle) >= hits) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where the curve stands highest above the straight line from nothing to saturation, from so many blocks on. */
function kneeBlocks({ saturationBlocks, hits }: HitRateCurve, leastBlocks: number): number {
  const slope = saturationBlocks === 0 ? 0 : hits(saturationBlocks) / saturationBlocks;
  let knee = leastBlocks;
  let highest = Number.NEGATIVE_INFINITY;
  for (let blocks = leastBlocks; blocks <= saturationBlocks; blocks++) {
    const height = hits(blocks) - slope * blocks;
    if (height > highest) {
      highest = height;
      knee = blocks;
    }
  }
  return knee;
}

function logSpaced(least: number, most: number, count: number): number[] {
  const from = Math.max(1, least);
  return Array.from({ length: count }, (_, k) => Math.round(from * (most / from) ** (k / (count - 1))));
}
