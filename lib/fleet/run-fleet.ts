import { stream } from "../base/index.js";
import {
  type EngineView,
  engineOptions,
  type OnLoss,
  type ReplicaEvent,
  runEngines,
  type SimulateOptions,
  type SimulationRun,
} from "../engine/index.js";
import { DisaggregatedRouting } from "./disaggregated-routing.js";
import { EngineReplica } from "./engine-replica.js";
import { checkPrefillPool, type PrefillPool } from "./prefill-pool.js";
import type { Route, RouterPolicy } from "./router.js";
import { routerPolicy } from "./routers/index.js";
import { Routing } from "./routing.js";

/** What to run on a fleet of equal engines. */
export interface FleetOptions extends SimulateOptions {
  /** Engines, each with a cache of its own; with `prefill`, those that decode. Default 1. */
  readonly replicas?: number;
  /**
   * Which of them a request is sent to: a router, a function that chooses, or the word that names a shipped router, with options
   * behind it as in "sticky:ttl=300". Default "round-robin".
   */
  readonly router?: string | RouterPolicy | Route;
  /** Engines that compute prompts for these: prefill and decode apart. Default: none. */
  readonly prefill?: PrefillPool;
  /** What happens to replicas while they run. Requests wait while none is open. */
  readonly replicaEvents?: readonly ReplicaEvent[];
  /**
   * What becomes of requests in flight at a replica that stops or restarts: the client sends them again at once, and what came of
   * them before counts no more ("resend"), or they fail, and `onTimeout` says what follows ("lose"). Default "resend".
   */
  readonly onLoss?: OnLoss;
}

/**
 * Runs requests on equal engines behind a router, in virtual time. One engine is a fleet of one. A request that can never
 * fit the replica that it is sent to is refused there.
 * @throws InputError when there is no replica, no such router, or the router names a replica that is not there
 * @example
 * ```ts
 * import { runFleet } from "prefixlab/fleet";
 * import { latencyProfile } from "prefixlab";
 * const contentIds = Int32Array.from({ length: 64 }, (_, block) => block);
 * const requests = [0, 1000, 2000].map((fireAtMs) => ({ promptTokens: 1000, outputTokens: 1, contentIds, fireAtMs }));
 * const run = runFleet({ requests, model: latencyProfile("h200-qwen3-8b"), replicas: 2 });
 * [...run.replica]; // → [0, 1, 0]
 * [...run.cachedTokens]; // → [0, 0, 992]
 * const link = { tokensPerMs: 100, latencyMs: 1 };
 * const apart = runFleet({ requests, model: latencyProfile("h200-qwen3-8b"), prefill: { replicas: 1, link } });
 * [...apart.cachedTokens]; // → [0, 992, 992]
 * [...(apart.prefill?.movedTokens ?? [])]; // → [1008, 16, 16]
 * ```
 */
export function runFleet(options: FleetOptions): SimulationRun {
  const { replicas = 1, router = "round-robin", seed = 0, prefill } = options;
  const policy = routerPolicy(router);
  if (prefill) checkPrefillPool(prefill);
  const prefillPolicy = routerPolicy(prefill?.router ?? router);
  const { blockSize } = engineOptions(options.engine);
  const start = (from: RouterPolicy, engines: readonly EngineView[], draws: string) => {
    const views = engines.map((engine, index) => new EngineReplica(index, engine));
    return new Routing(from, {
      replicas: views,
      blockSizeTokens: blockSize,
      random: stream(seed, draws),
      listenToCaches: (listener) => {
        for (const view of views) view.listenToCache(listener);
      },
    });
  };
  return runEngines({
    ...options,
    replicas,
    routing: (engines, prefillEngines) => {
      const routing = start(policy, engines, "router");
      if (!prefill) return routing;
      return new DisaggregatedRouting(
        { routing, engines },
        { routing: start(prefillPolicy, prefillEngines, "prefill router"), engines: prefillEngines },
        prefill.nonCachedTokens,
      );
    },
  });
}
