/**
 * Why prompt tokens were computed rather than found in the prefix cache: one cause each.
 *
 * Read `miss-causes.ts` first (the causes and their order), then `explain-misses.ts` (a whole trace) and
 * `request-walk.ts` (how the tokens of one prompt are given theirs), `block-history.ts` and `recency.ts` (what a pool of the
 * engine's size would still hold), `replica-histories.ts` (a past for each replica) and `engine-resets.ts` (when an engine lost it all); `miss-watch.ts` does it while requests
 * come. `miss-costs.ts` replays a workload without a cause. Counts are tokens, times ms of the trace.
 */
export type { Divergence, DivergenceKind } from "./divergence.js";
export { type DivergencePattern, divergencePatterns } from "./divergence-patterns.js";
export { type EvictedSpread, evictedSpread } from "./evicted-spread.js";
export {
  type ExplainOptions,
  explainMisses,
  type MissExplanation,
} from "./explain-misses.js";
export { type KeptByPolicy, keptByPolicies } from "./kept-by-policies.js";
export { isLost, type MissCause, missCauses } from "./miss-causes.js";
export { type MissCost, type MissCosts, missCosts } from "./miss-costs.js";
export { type MissRemedy, type MissWorth, missRemedies } from "./miss-remedies.js";
export { MissWatch, type PrefixLoss, type WatchOptions } from "./miss-watch.js";
export type { MissPart, RequestMisses } from "./request-walk.js";
