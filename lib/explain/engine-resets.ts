import type { Ms } from "../base/index.js";

/** A block that was used, and later looked up in vain, although a pool of the engine's size would still hold it. */
export interface LostBetween {
  /** The request that looked it up. */
  readonly request: number;
  readonly usedMs: Ms;
  readonly atMs: Ms;
}

/** The times in which an engine did not lose its cache: a block was used before, and found after. */
export class SurvivedTimes {
  /** Open intervals that do not touch, in order of time. */
  readonly #union: { readonly fromMs: Ms; readonly toMs: Ms }[] = [];

  /** A block that was used at `usedMs` was found at `atMs`, which is no earlier than any before. */
  found(usedMs: Ms, atMs: Ms): void {
    if (usedMs >= atMs) return;
    const union = this.#union;
    let fromMs = usedMs;
    for (let last = union[union.length - 1]; last && last.toMs > usedMs; last = union[union.length - 1]) {
      fromMs = Math.min(fromMs, last.fromMs);
      union.pop();
    }
    union.push({ fromMs, toMs: atMs });
  }

  /** The latest moment from `fromMs` to `toMs` that lies in none of them. */
  lastOutsideMs(fromMs: Ms, toMs: Ms): Ms | undefined {
    let atMs = toMs;
    for (let i = this.#union.length - 1; i >= 0; i--) {
      const { fromMs: begin, toMs: end } = this.#union[i];
      if (end <= atMs) break;
      if (begin < atMs) atMs = begin;
    }
    return atMs >= fromMs ? atMs : undefined;
  }
}

/**
 * The moments at which an engine lost its cache, as few as explain the misses: each lies in the time between the last use
 * of a block and its next lookup, which missed, and in no such time of a block that was found. A miss within the time of
 * some hit has no such moment, and is left; so is one that stands alone: what took the cache from one request took it
 * from others.
 */
export function engineResets(misses: readonly LostBetween[], survived: SurvivedTimes): Ms[] {
  const resetsMs: Ms[] = [];
  for (const { usedMs, atMs } of [...misses].sort((a, b) => a.atMs - b.atMs)) {
    if (resetsMs.some((resetMs) => usedMs <= resetMs && resetMs <= atMs)) continue;
    const resetMs = survived.lastOutsideMs(usedMs, atMs);
    if (resetMs !== undefined) resetsMs.push(resetMs);
  }
  return resetsMs.filter((resetMs) => {
    const hit = misses.filter(({ usedMs, atMs }) => usedMs <= resetMs && resetMs <= atMs);
    return new Set(hit.map(({ request }) => request)).size > 1;
  });
}
