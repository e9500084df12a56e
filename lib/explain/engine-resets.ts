import type { Ms } from "../base/index.js";

/** A block that was used, and later looked up again. */
export interface ReuseAcross {
  /** The request that looked it up. */
  readonly request: number;
  readonly usedMs: Ms;
  readonly atMs: Ms;
  readonly isHit: boolean;
}

/**
 * The moments at which an engine lost its cache, as few as explain the misses: each lies in the time between the last use
 * of a block and its next lookup, which missed, and in no such time of a block that was found. A miss within the time of
 * some hit has no such moment, and is left; so is one that stands alone: what took the cache from one request took it
 * from others.
 * @param reuses of blocks that a pool of the engine's size would still hold
 */
export function engineResets(reuses: readonly ReuseAcross[]): Ms[] {
  const misses = reuses.filter(({ isHit }) => !isHit).sort((a, b) => a.atMs - b.atMs);
  if (misses.length === 0) return [];
  const survived = unionOf(reuses.filter(({ isHit }) => isHit));
  const resetsMs: Ms[] = [];
  for (const { usedMs, atMs } of misses) {
    if (resetsMs.some((resetMs) => usedMs <= resetMs && resetMs <= atMs)) continue;
    const resetMs = lastFreeMs(survived, usedMs, atMs);
    if (resetMs !== undefined) resetsMs.push(resetMs);
  }
  return resetsMs.filter((resetMs) => {
    const hit = misses.filter(({ usedMs, atMs }) => usedMs <= resetMs && resetMs <= atMs);
    return new Set(hit.map(({ request }) => request)).size > 1;
  });
}

/** Open intervals that do not touch, in order of time. */
function unionOf(reuses: readonly ReuseAcross[]): { fromMs: Ms; toMs: Ms }[] {
  const union: { fromMs: Ms; toMs: Ms }[] = [];
  for (const { usedMs, atMs } of [...reuses].sort((a, b) => a.usedMs - b.usedMs)) {
    const last = union[union.length - 1];
    if (last && usedMs < last.toMs) last.toMs = Math.max(last.toMs, atMs);
    else union.push({ fromMs: usedMs, toMs: atMs });
  }
  return union;
}

/** The latest moment from `fromMs` to `toMs` that lies in none of the intervals. */
function lastFreeMs(union: readonly { fromMs: Ms; toMs: Ms }[], fromMs: Ms, toMs: Ms): Ms | undefined {
  let atMs = toMs;
  for (let i = union.length - 1; i >= 0; i--) {
    const { fromMs: begin, toMs: end } = union[i];
    if (end <= atMs) break;
    if (begin < atMs) atMs = begin;
  }
  return atMs >= fromMs ? atMs : undefined;
}
