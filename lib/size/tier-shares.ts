import { requireFinite, type Tokens } from "../base/index.js";
import type { MemoryCurve } from "./memory-curve.js";

/** Where a prompt's cached tokens lie: shares of all prompt tokens, which add up to what is found at all. */
export interface TierShares {
  readonly pool: number;
  readonly cpu: number;
  readonly disk: number;
}

/** Tokens of KV that each tier holds; 0: there is no such tier. */
export interface TierTokens {
  readonly poolTokens: Tokens;
  readonly cpuTokens?: Tokens;
  readonly diskTokens?: Tokens;
}

/**
 * What the pool finds and what the tiers behind it add, read off the one curve: exact for requests that are served one
 * after another, where each tier stores all that is computed, gives up the least recently used block, and holds what the one
 * before it holds too. So a tier that is not larger than the one before it adds nothing.
 *
 * Two things are different in vLLM's offloading connector (`vllm/v1/kv_offload`), and in replays: a request that loads makes
 * only what it loads or computes the most recent, and by default answers are stored once they are part of a prompt.
 * @throws InputError for a size below 0
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { memoryCurve, servedInTurn, tierShares } from "prefixlab/size";
 * const served = servedInTurn(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * tierShares(memoryCurve(served), { poolTokens: 2048, cpuTokens: 4096 }); // → { pool: 0.5354, cpu: 0.3729, disk: 0 }
 * ```
 */
export function tierShares(curve: Pick<MemoryCurve, "lru">, tiers: TierTokens): TierShares {
  const { poolTokens, cpuTokens = 0, diskTokens = 0 } = tiers;
  for (const [name, tokens] of Object.entries({ poolTokens, cpuTokens, diskTokens }))
    requireFinite("tierShares", name, tokens, 0);
  const pool = curve.lru(poolTokens);
  const withCpu = curve.lru(Math.max(poolTokens, cpuTokens));
  const withDisk = curve.lru(Math.max(poolTokens, cpuTokens, diskTokens));
  return { pool, cpu: withCpu - pool, disk: withDisk - withCpu };
}
