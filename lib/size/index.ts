/**
 * How much memory a prefix cache needs, in which tier, under which policy, and for how long.
 *
 * Read `served-in-turn.ts` first (a workload as a cache sees it), then `memory-curve.ts` (hits against pool size and the
 * best there can be), `tier-shares.ts` (memory behind the pool), `time-to-live-curve.ts` (hits against time),
 * `plan-costs.ts` (what both cost at a provider) and `ttft-by-pool.ts` (what replays make of it). Pools are tokens, times ms; shares are of all prompt tokens.
 */
export {
  type MemoryCurve,
  type MemoryCurveOptions,
  type MemoryCurveRow,
  memoryCurve,
} from "./memory-curve.js";
export { type PlanCost, planCosts } from "./plan-costs.js";
export { type ServedInTurn, type ServedInTurnOptions, servedInTurn } from "./served-in-turn.js";
export { type TierShares, type TierTokens, tierShares } from "./tier-shares.js";
export { type TimeToLiveCurve, timeToLiveCurve } from "./time-to-live-curve.js";
export { type SlowerWithMore, slowerWithMore, type TtftByPoolRow, ttftByPool } from "./ttft-by-pool.js";
