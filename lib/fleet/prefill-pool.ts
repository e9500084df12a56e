import { describeValue, InputError, requireInteger, type Tokens } from "../base/index.js";
import type { EngineOptions, KvLink, ReplicaEvent } from "../engine/index.js";
import type { LatencyModel } from "../latency/index.js";
import type { Route, RouterPolicy } from "./router.js";

/**
 * Engines that compute prompts for those of a fleet, which then decode. They may be another card, with another model of latency and
 * another pool.
 */
export interface PrefillPool {
  readonly replicas: number;
  /** How long their steps take. Default: as those of the fleet. */
  readonly model?: LatencyModel;
  /** Settings in which they differ from the fleet's engines. */
  readonly engine?: Partial<EngineOptions>;
  /** Which of them computes a prompt. Default: a router of the same kind as the fleet's. */
  readonly router?: string | RouterPolicy | Route;
  /** The network of each engine: it carries one transfer at a time. */
  readonly link: KvLink;
  /**
   * A prompt of which fewer tokens than this are not in the cache of its decode engine is computed there: llm-d's
   * `prefix-based-pd-decider` and its `nonCachedTokens`. Default: all prompts are computed by prefill engines (vLLM's proxy, llm-d's
   * `always-disagg-pd-decider`).
   */
  readonly nonCachedTokens?: Tokens;
  /** What happens to these engines, their replicas counted from 0. */
  readonly replicaEvents?: readonly ReplicaEvent[];
}

/**
 * @throws InputError when it has no engine, a network of no speed, or a threshold that is none
 */
export function checkPrefillPool({ replicas, link, nonCachedTokens }: PrefillPool): void {
  const where = "prefill";
  requireInteger(where, "replicas", replicas, 1);
  if (!(link?.tokensPerMs > 0 && link.latencyMs >= 0))
    throw new InputError(
      `${where}: link must carry tokensPerMs above 0 with latencyMs of 0 or more, got ${describeValue(link)}`,
    );
  if (nonCachedTokens === undefined) return;
  if (!(Number.isInteger(nonCachedTokens) && nonCachedTokens >= 1))
    throw new InputError(
      `${where}: nonCachedTokens must be a whole number >= 1, got ${describeValue(nonCachedTokens)}: leave it out for prompts that are all computed by prefill engines`,
    );
}
