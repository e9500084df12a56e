import type { Tokens } from "../base/index.js";
import { evictions } from "../cache/index.js";
import { type ReplayOptions, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { MissExplanation } from "./explain-misses.js";

/** What another eviction policy would have kept, in a pool of the same size. */
export interface KeptByPolicy {
  /** Its word. */
  readonly policy: string;
  /** Of the tokens that were evicted, those that it finds. */
  readonly keptTokens: Tokens;
  /** Prompt tokens that it finds in all: what it keeps it may lose elsewhere. */
  readonly cachedTokens: Tokens;
}

/**
 * Under which of the shipped eviction policies the evicted tokens would have stayed: a replay each, on the same arrivals
 * and draws. The policy of the engine itself is among them: what it finds of them, the replay got otherwise than the capture.
 * @param options as the replay that was explained
 * @example
 * ```ts
 * import { latencyProfile, readCapture, workloadOf } from "prefixlab";
 * import { explainMisses, keptByPolicies } from "prefixlab/explain";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const kept = keptByPolicies(workload, explainMisses(workload), { model: latencyProfile("h200-qwen3-8b") });
 * kept.map(({ policy }) => policy); // → ["lru", "mru", "fifo", "lfu", "random", "slru"]
 * ```
 */
export function keptByPolicies(
  workload: Workload,
  explanation: MissExplanation,
  options: ReplayOptions,
): KeptByPolicy[] {
  return Object.keys(evictions).map((policy) => {
    const { records } = replay(workload, {
      ...options,
      engine: { ...options.engine, eviction: policy },
      gaps: false,
    }).trace;
    let keptTokens = 0;
    for (const { index, parts } of explanation.requests) {
      const found = records[index].cachedTokens ?? 0;
      for (const { cause, fromToken, tokens } of parts)
        if (cause === "evicted") keptTokens += Math.min(tokens, Math.max(0, found - fromToken));
    }
    const cachedTokens = records.reduce((sum, record) => sum + (record.cachedTokens ?? 0), 0);
    return { policy, keptTokens, cachedTokens };
  });
}
