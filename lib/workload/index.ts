/**
 * Workloads before they meet a server: when requests arrive, how sessions grow, and what prompts say. Pure: the
 * same seed gives the same schedule and the same prompts.
 *
 * Read `arrivals.ts` first (when), then `session-plan.ts` (multi-turn sessions) and
 * `sweep-plan.ts` (a sweep to fit on), then `prompt-tokens.ts` and
 * `prompt-text.ts` (what). `block-tokens.ts` gives the blocks of a trace their tokens back. Times are milliseconds, sizes are tokens.
 */
export {
  type ArrivalSpan,
  burstArrivals,
  constantArrivals,
  doublingStairs,
  poissonArrivals,
  staircaseArrivals,
} from "./arrivals.js";
export { type BlockExpander, blockExpander } from "./block-tokens.js";
export { promptText } from "./prompt-text.js";
export { promptTokenIds, type TokenPool, tokenPoolOf, tokenRange } from "./prompt-tokens.js";
export {
  type PlannedSession,
  type PlannedTurn,
  planSessions,
  type SessionPlanOptions,
} from "./session-plan.js";
export {
  geometricSizes,
  planSweep,
  type SweepOptions,
  type SweepRequest,
  type SweepStage,
  type SweepStart,
} from "./sweep-plan.js";
