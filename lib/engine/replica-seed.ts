/**
 * The seed of one of several engines: the first one draws as an engine alone does.
 * @example
 * ```ts
 * import { replicaSeed } from "prefixlab/engine";
 * [replicaSeed(7, 0), replicaSeed(7, 1)]; // → [7, "7/replica 1"]
 * ```
 */
export function replicaSeed(seed: number | string, index: number): number | string {
  return index === 0 ? seed : `${seed}/replica ${index}`;
}
