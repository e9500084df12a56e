/**
 * Replays: a trace becomes a plan, the plan runs on the engine, and the result is a trace again.
 *
 * Read `plan.ts` first (a replay is data, not a mode), then `run-replay.ts`; `replay-recorded-times.ts` leaves
 * the latency model out. `lib/judge` compares the result with the
 * capture. Times are milliseconds.
 */
export {
  type AnswerReuse,
  answerReuse,
  answerReuseWords,
  type WorkloadChains,
  workloadChains,
} from "./answer-reuse.js";
export { type BlockAccesses, blockAccesses, tokenShare } from "./block-accesses.js";
export { capturedEngine } from "./captured-engine.js";
export { type CapturedPacing, capturedPacing } from "./captured-pacing.js";
export { type EventCost, eventCosts, type SomeTtft } from "./event-costs.js";
export { hitFraction } from "./hit-fraction.js";
export { keepPlan } from "./keep-plan.js";
export { type LoadImbalance, loadImbalance } from "./load-imbalance.js";
export { type LoadOverTime, loadOverTime } from "./load-over-time.js";
export { modeledTrace } from "./modeled-trace.js";
export { offeredLoad } from "./offered-load.js";
export { type ClockedRun, onCapturedClock, type PoolEvent } from "./on-captured-clock.js";
export { type Pacing, pacings } from "./pacing.js";
export { pacingDoubts } from "./pacing-doubts.js";
export { packWorkload } from "./pack-workload.js";
export { type Plan, type PlanOptions, type Prompts, planReplay } from "./plan.js";
export { type PoolChains, poolChains, uniqueChains } from "./pool-chains.js";
export type { PrefillConditions, ReplayPrefill } from "./prefill-conditions.js";
export { type PrefillRow, prefillRows } from "./prefill-rows.js";
export {
  type PrefillStageName,
  type PrefillStages,
  prefillStageNames,
  prefillStages,
  type StageTimes,
} from "./prefill-stages.js";
export { recomputedPrefills } from "./recomputed-prefills.js";
export { type RecordedTimesReplay, replayRecordedTimes } from "./replay-recorded-times.js";
export { type ReplicaRow, replicaRows } from "./replica-rows.js";
export {
  durationsMs,
  type Replay,
  type ReplayConditions,
  type ReplayOptions,
  replay,
  replayConditions,
} from "./run-replay.js";
export { sequenceBlocks } from "./sequence-blocks.js";
export { type SimulateSessionsOptions, simulateSessions } from "./simulate-sessions.js";
export { suspectedConcurrency } from "./suspected-concurrency.js";
export { type TierUse, tierUse } from "./tier-use.js";
export { unpackWorkload } from "./unpack-workload.js";
