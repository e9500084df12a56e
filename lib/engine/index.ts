/**
 * The simulated engine: a scheduler with vLLM V1's semantics on a KV cache, and an event loop in virtual time. It knows
 * nothing of traces and sessions, nor of why nothing is shared.
 *
 * Read `engine-request.ts` (what goes in) and `simulation-run.ts` (what comes out) first, then `engine-core.ts` (one
 * step), then `run-engines.ts` (the loop around it); `kv-transfers.ts` has the links to the tiers behind the pool. `orderings/` has one file an ordering; `orderings/ordering.ts` says
 * how to write one. Times are milliseconds, sizes are tokens or blocks.
 */
export type { RequestRouting } from "./client-notices.js";
export { CoreView } from "./core-view.js";
export { createEngine, type EngineExtra } from "./create-engine.js";
export { EngineCore } from "./engine-core.js";
export { type EngineOptions, engineOptions } from "./engine-options.js";
export type { EngineRequest, Follows } from "./engine-request.js";
export type { EngineRun } from "./engine-run.js";
export { Followers } from "./followers.js";
export type { PrefillRun } from "./hand-overs.js";
export type { KvLoad } from "./kv-load.js";
export { type KvLink, transferMs } from "./kv-transfers.js";
export { type LowerTier, lowerTiers } from "./lower-tiers.js";
export { type OnTimeout, onTimeouts } from "./on-timeout.js";
export { fcfs } from "./orderings/fcfs.js";
export { orderingPolicy, orderings } from "./orderings/index.js";
export type { OrderedRequests, Ordering, OrderingPolicy, RunningRequests } from "./orderings/ordering.js";
export { priority } from "./orderings/priority.js";
export type { ContentListener, EngineView } from "./replica.js";
export {
  type OnLoss,
  onLosses,
  type ReplicaChange,
  type ReplicaEvent,
  type ReplicaEventOutcome,
  replicaChanges,
  replicaCount,
} from "./replica-events.js";
export { replicaSeed } from "./replica-seed.js";
export { runEngines } from "./run-engines.js";
export type { PrefillEngines, RunOptions, SimulateOptions } from "./run-options.js";
export { sharedStore } from "./shared-store.js";
export { simulate } from "./simulate.js";
export type {
  EngineLoads,
  EngineTotals,
  GapContext,
  Recomputation,
  SimulationRun,
} from "./simulation-run.js";
export type { StepColumns } from "./step-log.js";
export { type Send, TurnQueue } from "./turn-queue.js";
export type { WatchCache } from "./watch-cache.js";
