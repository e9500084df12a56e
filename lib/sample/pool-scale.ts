import type { Blocks } from "../base/index.js";
import { hitRate, type RatedCurve } from "./rated-curve.js";

/** The pool of a sample that goes with a pool of the whole trace. */
export interface PoolScale {
  /** Blocks that do not shrink with the number of sessions: prefixes that all share, the prompt being served. */
  readonly fixedBlocks: Blocks;
  /** What is left of the others. */
  readonly share: number;
}

/** The sample's pool for a pool of the whole trace: its fixed blocks, and the share of the rest. */
export function scaledPool({ fixedBlocks, share }: PoolScale, poolBlocks: Blocks): Blocks {
  return poolBlocks <= fixedBlocks
    ? poolBlocks
    : Math.round(fixedBlocks + share * (poolBlocks - fixedBlocks));
}

/** The smallest pool of the whole trace that goes with a sample's pool of this size or more. */
export function wholePool(scale: PoolScale, poolBlocks: Blocks): Blocks {
  const { fixedBlocks, share } = scale;
  if (poolBlocks <= fixedBlocks) return poolBlocks;
  let size = Math.max(fixedBlocks, Math.floor(fixedBlocks + (poolBlocks - fixedBlocks - 1) / share));
  while (scaledPool(scale, size) < poolBlocks) size++;
  return size;
}

/**
 * Where two hit rates are furthest apart, the whole trace's in a pool and the sample's in the one that goes with it: over
 * every size from `from` up to where neither rises any more.
 */
export function largestGap(
  whole: RatedCurve,
  sample: RatedCurve,
  scale: PoolScale,
  from: Blocks = 0,
): { readonly distance: number; readonly poolBlocks: Blocks } {
  const last = Math.max(from, whole.hits.saturationBlocks, wholePool(scale, sample.hits.saturationBlocks));
  let distance = 0;
  let poolBlocks = from;
  for (let size = from; size <= last; size++) {
    const gap = gapAt(whole, sample, scale, size);
    if (gap <= distance) continue;
    distance = gap;
    poolBlocks = size;
  }
  return { distance, poolBlocks };
}

function gapAt(whole: RatedCurve, sample: RatedCurve, scale: PoolScale, size: Blocks): number {
  return Math.abs(hitRate(whole, size) - hitRate(sample, scaledPool(scale, size)));
}

/** What a share of the sample's lookups may be multiplied by, and by how much that must lessen the difference. */
const SHARE_FACTORS = Array.from({ length: 15 }, (_, k) => 1.5 * 0.9 ** k);
const WORTH_A_FACTOR = 0.001;

/**
 * The scale under which the two curves are closest. Stack distances between blocks that only one session holds shrink as
 * the number of sessions does (SHARDS, Waldspurger et al., FAST 2015, for objects that are sampled as wholes); those to
 * blocks of a prefix that all share, within a prompt, and within a stretch of time that was taken whole, do not. So the
 * share is that of the sample's lookups, or where that brings the curves closer by a tenth of a point another; how many
 * blocks do not shrink is what fits best, of a geometric series.
 */
export function fittedScale(whole: RatedCurve, sample: RatedCurve): PoolScale {
  const lookups = sample.hits.lookups / whole.hits.lookups;
  const sizes = logSizes(whole.hits.saturationBlocks);
  const rates = Float64Array.from(sizes, (size) => hitRate(whole, size));
  /** With every so many of the sizes alone. */
  const under = (share: number, every: number): { readonly scale: PoolScale; readonly gap: number } => {
    let scale: PoolScale = { fixedBlocks: 0, share };
    let least = Number.POSITIVE_INFINITY;
    for (let fixedBlocks = 0; fixedBlocks <= sample.hits.saturationBlocks; ) {
      const tried = { fixedBlocks, share };
      let gap = 0;
      for (let i = 0; i < sizes.length && gap < least; i += every)
        gap = Math.max(gap, Math.abs(rates[i] - hitRate(sample, scaledPool(tried, sizes[i]))));
      if (gap < least) {
        least = gap;
        scale = tried;
      }
      fixedBlocks = Math.max(fixedBlocks + 1, Math.round(1.25 * fixedBlocks));
    }
    return { scale, gap: least };
  };
  const plain = under(lookups, 1);
  const [first, ...others] = SHARE_FACTORS.map((factor) => under(Math.min(1, factor * lookups), 5));
  const coarse = others.reduce((best, one) => (one.gap < best.gap ? one : best), first);
  const other = under(coarse.scale.share, 1);
  return (other.gap < plain.gap - WORTH_A_FACTOR ? other : plain).scale;
}

/** Sizes a fortieth apart, up to one. */
function logSizes(most: Blocks): Blocks[] {
  const sizes: Blocks[] = [];
  for (let size = 0; size < most; size = Math.max(size + 1, Math.round(1.025 * size))) sizes.push(size);
  return [...sizes, most];
}
