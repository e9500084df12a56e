/**
 * Fleets: several engines behind a router. One engine is a fleet of one.
 *
 * Read `router.ts` first (what a router sees and answers; how to write one), then `run-fleet.ts`. `routers/` has one file
 * a router, named after what the field calls it. Times are milliseconds.
 */
export { ClientCounts } from "./client-counts.js";
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
export { leastLoaded, type leastLoadedOptions } from "./routers/least-loaded.js";
export { prefixAffinity, type prefixAffinityOptions } from "./routers/prefix-affinity.js";
export { randomReplica } from "./routers/random.js";
export { roundRobin } from "./routers/round-robin.js";
export { sticky, type stickyOptions } from "./routers/sticky.js";
export { Routing } from "./routing.js";
export { type FleetOptions, runFleet } from "./run-fleet.js";
