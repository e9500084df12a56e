import type { RandomStream } from "../base/index.js";
import type { ClientView } from "./router.js";

/** The open replica that costs the least; of equals, the first. */
export function leastOf<View extends ClientView>(
  replicas: readonly View[],
  costOf: (replica: View) => number,
): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < replicas.length; i++) {
    if (!replicas[i].isOpen) continue;
    const cost = costOf(replicas[i]);
    if (best >= 0 && !(cost < least)) continue;
    best = i;
    least = cost;
  }
  return best;
}

/** The open replica that costs the least; of equals, any. */
export function leastOfAny(
  replicas: readonly ClientView[],
  costs: Float64Array,
  random: RandomStream,
): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (let i = 0; i < replicas.length; i++) {
    const cost = costs[i];
    if (!replicas[i].isOpen || cost > least) continue;
    equals = cost < least ? 1 : equals + 1;
    // One of k equals found so far: each stays with the same chance.
    if (equals === 1 || random.integer(equals) === 0) best = i;
    least = cost;
  }
  return best;
}

/** The k-th of the open replicas, counted from 0. */
export function openReplica(replicas: readonly ClientView[], k: number): number {
  let left = k;
  for (let i = 0; i < replicas.length; i++) if (replicas[i].isOpen && left-- === 0) return i;
  return -1;
}

export function openCount(replicas: readonly ClientView[]): number {
  let count = 0;
  for (const { isOpen } of replicas) if (isOpen) count++;
  return count;
}
