import { type Blocks, type Ms, selectQuantiles } from "../base/index.js";
import type { MissExplanation } from "./explain-misses.js";

/** Of the parts of prompts that were evicted: how long they had lain idle, and how many blocks more would have kept them. */
export interface EvictedSpread {
  /** Half of the parts had lain no longer, nine tenths of them. */
  readonly idleMs: { readonly p50: Ms; readonly p90: Ms };
  readonly blocksShort: { readonly p50: Blocks; readonly p90: Blocks };
}

/**
 * How long evicted tokens had lain idle and how much larger the pool should have been, over parts of prompts; undefined
 * where none were evicted.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { evictedSpread, explainMisses } from "prefixlab/explain";
 * evictedSpread(explainMisses(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })))); // → undefined
 * ```
 */
export function evictedSpread({ requests }: MissExplanation): EvictedSpread | undefined {
  const parts = requests.flatMap((request) => request.parts.filter(({ cause }) => cause === "evicted"));
  if (parts.length === 0) return undefined;
  const at = (values: readonly number[]) => {
    const [p50, p90] = selectQuantiles(Float64Array.from(values), [0.5, 0.9]) as [number, number];
    return { p50, p90 };
  };
  return {
    idleMs: at(parts.map(({ idleMs = 0 }) => idleMs)),
    blocksShort: at(parts.map(({ blocksShort = 0 }) => blocksShort)),
  };
}
