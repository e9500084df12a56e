/**
 * Fleets: several engines behind a router. One engine is a fleet of one.
 *
 * Read `router.ts` first (what a router sees and answers; how to write one), then `run-fleet.ts`. `routers/` has one file
 * a router, named after what the field calls it; `reuse-watch.ts` tells what of the prompts could have been found. Times are
 * milliseconds.
 *
 * Prefill and decode apart: `prefill-pool.ts` says what may be in front of a fleet, `disaggregated-routing.ts` who computes a prompt;
 * `lib/engine/hand-overs.ts` has the KV on its way. A request is prefilled at one engine, as one of a single token; the decode engine
 * takes blocks for its prompt, reads those that it does not hold, computes the last token again and gives the first one. Its wait is
 * six parts (`prefillStages` in `lib/replay`). A store that all replicas share is a tier behind their pools: `lib/cache/shared-tier.ts`.
 */
export { ClientCounts } from "./client-counts.js";
export { EngineReplica } from "./engine-replica.js";
export type { PrefillPool } from "./prefill-pool.js";
export { type FleetShares, reuseShares } from "./reuse-shares.js";
export { type FleetReuse, ReuseWatch } from "./reuse-watch.js";
export type {
  CacheListener,
  ClientRouterPolicy,
  ClientView,
  ReplicaView,
  Route,
  RoutedFleet,
  Router,
  RouterPolicy,
  RouterSight,
} from "./router.js";
export type { OptionValues, RouterOption, RouterOptionTable } from "./router-options.js";
export { dataParallelBalancing } from "./routers/data-parallel.js";
export { routerPolicy, routers, type ShippedRouter } from "./routers/index.js";
export { kvCost, type kvCostOptions } from "./routers/kv-cost.js";
export { leastLoaded, type leastLoadedOptions } from "./routers/least-loaded.js";
export { powerOfTwo } from "./routers/power-of-two.js";
export { precisePrefix, type precisePrefixOptions } from "./routers/precise-prefix.js";
export { prefixAffinity, type prefixAffinityOptions } from "./routers/prefix-affinity.js";
export { prefixHash, type prefixHashOptions } from "./routers/prefix-hash.js";
export { randomReplica } from "./routers/random.js";
export { roundRobin } from "./routers/round-robin.js";
export { sticky, type stickyOptions } from "./routers/sticky.js";
export { weighted, type weightedOptions } from "./routers/weighted.js";
export { Routing } from "./routing.js";
export { type FleetOptions, runFleet } from "./run-fleet.js";
