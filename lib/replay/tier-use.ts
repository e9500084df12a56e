import type { Ms, Tokens } from "../base/index.js";
import { type KvLoad, type LowerTier, type SimulationRun, transferMs } from "../engine/index.js";
import { emptyStepLoad, type LatencyModel } from "../latency/index.js";

/** Where prompt tokens came from that requests did not compute, and what loading them took. Sums over a run. */
export interface TierUse {
  /** Tokens found in the pool, and loaded from each tier, by its name; at first admissions, as cached tokens are counted. */
  readonly poolTokens: Tokens;
  readonly lowerTokens: Readonly<Record<string, Tokens>>;
  /** Loads, those of preempted requests among them: how many, their tokens, and the mean time from asking to having. */
  readonly loads: number;
  readonly loadedTokens: Tokens;
  readonly meanLoadMs?: Ms;
  /** The same tokens, alone on their links, and computed by a request that is alone. */
  readonly transferMs: Ms;
  readonly computingMs: Ms;
  /** Loads whose tokens would have been computed in less time than the transfer takes. */
  readonly computingIsFaster: number;
}

/**
 * What a run took from the tiers behind its pool. Loading is compared with computing as if either were alone: transfers that
 * wait for no others, against a prefill of as many tokens at that depth, in steps of the engine's token budget in which nothing
 * else is done. A transfer delays nobody's steps, as computing would.
 * @example
 * ```ts
 * import { latencyProfile, simulate } from "prefixlab";
 * import { engineOptions, lowerTiers } from "prefixlab/engine";
 * import { tierUse } from "prefixlab/replay";
 * const model = latencyProfile("h200-qwen3-8b");
 * const engine = engineOptions({ kvCacheBlocks: 80, cpuKvGib: 1, kvBytesPerToken: 147_456 });
 * const prompt = (firstId: number, fireAtMs: number) => ({
 *   promptTokens: 1000,
 *   outputTokens: 8,
 *   contentIds: Int32Array.from({ length: 63 }, (_, block) => firstId + block),
 *   fireAtMs,
 * });
 * const run = simulate({ requests: [prompt(0, 0), prompt(100, 1000), prompt(0, 2000)], model, engine });
 * const { poolTokens, lowerTokens } = tierUse(run, lowerTiers(engine), model, engine.maxNumBatchedTokens);
 * [poolTokens, lowerTokens.cpu]; // → [272, 720]
 * ```
 */
export function tierUse(
  run: SimulationRun,
  tiers: readonly LowerTier[],
  model: LatencyModel,
  maxNumBatchedTokens: Tokens,
): TierUse {
  const timer = model.timer(0);
  const lower = tiers.map(() => 0);
  const sums = { loadedTokens: 0, loadMs: 0, transferMs: 0, computingMs: 0, computingIsFaster: 0 };
  for (const load of run.kvLoads) {
    const { tokens, depthTokens, beganMs, endMs } = load;
    const loaded = sum(tokens);
    firstLoad(run, load)?.forEach((count, tier) => {
      lower[tier] += count;
    });
    const aloneMs = tiers.reduce((ms, link, tier) => {
      const carried = sum(tokens.slice(tier));
      return carried > 0 ? ms + transferMs(link, carried) : ms;
    }, 0);
    let computingMs = 0;
    for (let from = depthTokens; from < depthTokens + loaded; ) {
      const to = Math.min(from + maxNumBatchedTokens, depthTokens + loaded);
      computingMs += timer.stepMs({
        ...emptyStepLoad(),
        prefillSeqs: 1,
        prefillTokens: to - from,
        prefillTokenDepth: (to * to - from * from) / 2,
      });
      from = to;
    }
    sums.loadedTokens += loaded;
    sums.loadMs += endMs - beganMs;
    sums.transferMs += aloneMs;
    sums.computingMs += computingMs;
    if (computingMs < aloneMs) sums.computingIsFaster++;
  }
  const found = run.cachedTokens.reduce((all, tokens) => all + Math.max(0, tokens), 0);
  const loads = run.kvLoads.length;
  return {
    poolTokens: found - sum(lower),
    lowerTokens: Object.fromEntries(tiers.map(({ name }, tier) => [name, lower[tier]])),
    loads,
    loadedTokens: sums.loadedTokens,
    ...(loads > 0 && { meanLoadMs: sums.loadMs / loads }),
    transferMs: sums.transferMs,
    computingMs: sums.computingMs,
    computingIsFaster: sums.computingIsFaster,
  };
}

/**
 * What of a load is among the tokens found at its request's first admission, by tier; undefined where none is, the request having
 * been preempted or never admitted.
 */
export function firstLoad(
  run: Pick<SimulationRun, "cachedTokens">,
  { tag, tokens, depthTokens, isAgain }: KvLoad,
): Tokens[] | undefined {
  const cached = run.cachedTokens[tag];
  if (isAgain || cached < 0) return undefined;
  const found = [...tokens];
  // Of a prompt that was loaded whole, the last token is computed all the same: it is not among those cached.
  found[furthest(tokens)] -= depthTokens + sum(tokens) - cached;
  return found;
}

/** The furthest tier from which something came: it held the end of the run. */
function furthest(tokens: readonly Tokens[]): number {
  return tokens.findLastIndex((count) => count > 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
