import { InputError, type Ms, requireFinite, type Tokens } from "../base/index.js";
import { tokenShare } from "../replay/index.js";
import type { ServedInTurn } from "./served-in-turn.js";

/** How much of the prompts is found by a cache that keeps what was used for a time, however much that is. */
export interface TimeToLiveCurve {
  /** Share of prompt tokens found where a block is kept this long after its last use. */
  share(timeToLiveMs: Ms): number;
  /** Tokens that such a cache holds, on average from the first arrival to the last answer. */
  meanTokens(timeToLiveMs: Ms): Tokens;
  /** The longest idle time after which anything is looked up again. */
  readonly longestIdleMs: Ms;
}

/**
 * Hits against time to live, for all times at once. A block is found if it was used at most so long before: its time
 * starts anew with each use, when the answer of the request that used it is whole, as in caches of API providers and in
 * TraceLab's eviction timeout tau (SyFI Lab 2026: a step's prefix is found if the idle gap before it is at most tau).
 * Memory has no bound. A block that is used again counts as held until then or until its time is over, whichever is first.
 * @throws InputError when the trace has no arrivals
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { servedInTurn, timeToLiveCurve } from "prefixlab/size";
 * const served = servedInTurn(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * const curve = timeToLiveCurve(served);
 * [curve.share(1000), curve.share(300_000)]; // → [0.8507, 0.915]
 * ```
 */
export function timeToLiveCurve({
  accesses,
  contentCount,
  arrivalMs,
  endMs,
  blockSize,
  promptTokens,
}: ServedInTurn): TimeToLiveCurve {
  if (!arrivalMs || !endMs)
    throw new InputError(
      "timeToLiveCurve: the trace has no arrival times (arrival_ms): how long a block was idle is not known",
    );
  // Idle times between two uses of a block or from the last one to the end: with how many blocks, so many looked up after it.
  const idleMs: Ms[] = [];
  const held: number[] = [];
  const found: number[] = [];
  const spell = (ms: Ms, blocks: number, lookups: number) => {
    idleMs.push(ms);
    held.push(blocks);
    found.push(lookups);
  };
  const usedUntilMs = new Float64Array(contentCount).fill(Number.NaN);
  let busyBlockMs = 0;
  accesses.forEach(({ contentIds, promptBlocks }, i) => {
    // Neighbours that became idle together are one spell: their chains part at few places.
    let from = 0;
    for (let b = 0; b < contentIds.length; b++) {
      const until = usedUntilMs[contentIds[b]];
      const isNew = Number.isNaN(until);
      busyBlockMs += Math.max(0, endMs[i] - (isNew ? arrivalMs[i] : Math.max(arrivalMs[i], until)));
      usedUntilMs[contentIds[b]] = isNew ? endMs[i] : Math.max(until, endMs[i]);
      const isLast = b + 1 === contentIds.length || !Object.is(usedUntilMs[contentIds[b + 1]], until);
      if (!isLast) continue;
      if (!isNew)
        spell(
          Math.max(0, arrivalMs[i] - until),
          b + 1 - from,
          Math.min(Math.max(0, promptBlocks - from), b + 1 - from),
        );
      from = b + 1;
    }
  });
  const lastMs = endMs.reduce((last, ms) => Math.max(last, ms), 0);
  const tails = new Map<Ms, number>();
  for (const until of usedUntilMs) if (!Number.isNaN(until)) tails.set(until, (tails.get(until) ?? 0) + 1);
  for (const [until, blocks] of tails) spell(lastMs - until, blocks, 0);
  const order = idleMs.map((_, k) => k).sort((a, b) => idleMs[a] - idleMs[b]);
  const sorted = Float64Array.from(order, (k) => idleMs[k]);
  const foundUpTo = cumulative(order, (k) => found[k]);
  const heldUpTo = cumulative(order, (k) => held[k]);
  const blockMsUpTo = cumulative(order, (k) => held[k] * idleMs[k]);
  const spanMs = accesses.length === 0 ? 0 : lastMs - arrivalMs[0];
  const upTo = (timeToLiveMs: Ms) => {
    requireNotNegative(timeToLiveMs);
    return countUpTo(sorted, timeToLiveMs);
  };
  return {
    share: (timeToLiveMs) => tokenShare(foundUpTo[upTo(timeToLiveMs)], { blockSize, promptTokens }),
    meanTokens: (timeToLiveMs) => {
      if (spanMs === 0) return 0;
      const k = upTo(timeToLiveMs);
      const cutBlocks = heldUpTo[order.length] - heldUpTo[k];
      const idleBlockMs = blockMsUpTo[k] + (cutBlocks === 0 ? 0 : cutBlocks * timeToLiveMs);
      return ((busyBlockMs + idleBlockMs) * blockSize) / spanMs;
    },
    longestIdleMs: order.reduce((longest, k) => (found[k] > 0 ? Math.max(longest, idleMs[k]) : longest), 0),
  };
}

function requireNotNegative(timeToLiveMs: Ms): void {
  if (timeToLiveMs !== Number.POSITIVE_INFINITY)
    requireFinite("timeToLiveCurve", "timeToLiveMs", timeToLiveMs, 0);
}

/** Sums of the first k in this order, for k from 0 on. */
function cumulative(order: readonly number[], value: (k: number) => number): Float64Array {
  const sums = new Float64Array(order.length + 1);
  order.forEach((k, i) => {
    sums[i + 1] = sums[i] + value(k);
  });
  return sums;
}

/** How many of these ascending values are at most `most`. */
function countUpTo(ascending: Float64Array, most: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}
