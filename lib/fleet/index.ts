/**
 * Fleets: several engines behind a router. One engine is a fleet of one.
 *
 * Read `router.ts` first (what a router sees and answers; how to write one), then `run-fleet.ts`. `routers/` has one file
 * a router, named after what the field calls it. Times are milliseconds.
 */
export type { ReplicaView, RoutedFleet, Router, RouterPolicy } from "./router.js";
export { dataParallelBalancing } from "./routers/data-parallel.js";
export { routerPolicy, routers } from "./routers/index.js";
export { leastLoaded } from "./routers/least-loaded.js";
export { roundRobin } from "./routers/round-robin.js";
export { type FleetOptions, runFleet } from "./run-fleet.js";
