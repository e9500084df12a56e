import { describeValue, InputError, type Ms } from "../base/index.js";
import type { LatencyModel } from "../latency/index.js";
import type { RequestRouting } from "./client-notices.js";
import type { EngineOptions } from "./engine-options.js";
import type { EngineRequest } from "./engine-request.js";
import type { KvLink } from "./kv-transfers.js";
import type { OnTimeout } from "./on-timeout.js";
import type { EngineView } from "./replica.js";
import type { OnLoss, ReplicaEvent } from "./replica-events.js";
import type { WatchCache } from "./watch-cache.js";

/** What to simulate. */
export interface SimulateOptions {
  readonly requests: readonly EngineRequest[];
  readonly model: LatencyModel;
  readonly engine?: Partial<EngineOptions>;
  readonly seed?: number | string;
  /** End of the observation, ms of virtual time: later tokens are not seen. Default: until all is done. */
  readonly untilMs?: Ms;
  /**
   * A client gives up on a request that is not complete this long after it was sent: the engine drops it between two
   * steps and frees its blocks. Default: never.
   */
  readonly requestTimeoutMs?: Ms;
  /** What becomes of the requests that follow one that was given up. Default "next-turn". */
  readonly onTimeout?: OnTimeout;
  /** Keep the load of every step, for plots and for the per-gap context. Default false. */
  readonly keepLoads?: boolean;
  /** How many content ids the requests use, if known. */
  readonly contentCount?: number;
  /** Sees what is asked of the engines' caches, in the order of time. */
  readonly watchCache?: WatchCache;
  /** Called about every 65,536 steps with the fraction of requests completed. */
  readonly onProgress?: (fraction: number) => void;
}

/** Engines that compute prompts, whose KV the others read. */
export interface PrefillEngines {
  readonly replicas: number;
  /** How long their steps take. Default: as those of the others. */
  readonly model?: LatencyModel;
  /** Settings in which they differ from the others. */
  readonly engine?: Partial<EngineOptions>;
  /** The network of each engine, over which KV is read. */
  readonly link: KvLink;
  /** What happens to them, in any order. */
  readonly replicaEvents?: readonly ReplicaEvent[];
}

/** What to simulate on several engines. */
export interface RunOptions extends SimulateOptions {
  readonly replicas: number;
  /** What happens to them, in any order. */
  readonly replicaEvents?: readonly ReplicaEvent[];
  /** What becomes of requests that were in flight at one that stops or restarts. Default "resend". */
  readonly onLoss?: OnLoss;
  /** Engines in front of these, which then compute prompts only where the routing says so. */
  readonly prefill?: PrefillEngines;
  /** Starts the routing over these engines, whose views stay current. Not asked where there is one engine only. */
  readonly routing: (engines: readonly EngineView[], prefillEngines: readonly EngineView[]) => RequestRouting;
}

/** Whether all requests have times of their own, and nobody watches in which order engines do what they do. */
export function isOpenLoop({ requests, watchCache }: RunOptions): boolean {
  return watchCache === undefined && requests.every(({ fireAtMs }) => fireAtMs !== undefined);
}

/** A client's time limit, ms; Infinity where it has none. @throws InputError where it is not above zero */
export function requireLimit(ms: Ms = Number.POSITIVE_INFINITY): Ms {
  if (typeof ms === "number" && ms > 0) return ms;
  throw new InputError(`simulate: requestTimeoutMs must be a time above zero, got ${describeValue(ms)}`);
}

/** A word of those that there are. @throws InputError naming them */
export function requireWord<Word extends string>(name: string, words: readonly Word[], word: Word): Word {
  if (words.includes(word)) return word;
  throw new InputError(`simulate: ${name} must be one of ${words.join(", ")}, got ${describeValue(word)}`);
}
