/**
 * Replays: a trace becomes a plan, the plan runs on the engine, and the result is a trace again, compared with the first.
 *
 * Read `plan.ts` first (a replay is data, not a mode), then `run-replay.ts`, then `compare.ts`. Times are milliseconds.
 */

export {
  type AccuracyCell,
  type JudgedCapture,
  type ScenarioAccuracy,
  scenarioAccuracy,
  seedNoise,
  slowBandMass,
} from "./accuracy.js";
export { alignTraces } from "./align-traces.js";
export {
  type CacheEffect,
  type CacheEffectOptions,
  type CacheEffectSeries,
  cacheEffect,
} from "./cache-effect.js";
export {
  type CohortName,
  type CohortSummary,
  cohortIndices,
  cohortNames,
  completedCount,
  type Quantiles,
  reportedQuantiles,
  summarizeCohort,
  summarizeCohorts,
  ttftObservation,
  ttftObservations,
} from "./cohorts.js";
export {
  type CompareOptions,
  type Comparison,
  compareTraces,
  type ErrorCell,
  type HitCanary,
  type Quantity,
} from "./compare.js";
export { type CurveDistance, ttftDistances } from "./curve-distance.js";
export { engineFromMeta, engineToMeta } from "./engine-from-meta.js";
export { type HalfCell, type HalfJudged, judgeSecondHalf } from "./half-judged.js";
export { inspectTrace, type Range, type TraceInspection } from "./inspect-trace.js";
export { type LoadOverTime, loadOverTime } from "./load-over-time.js";
export { modeledTrace } from "./modeled-trace.js";
export { type Pacing, type Plan, type PlanOptions, type Prompts, planReplay } from "./plan.js";
export { coldChains, type PoolChains, poolChains } from "./pool-chains.js";
export { recomputedPrefills } from "./recomputed-prefills.js";
export { durationsMs, type Replay, type ReplayOptions, replay } from "./run-replay.js";
export { sequenceBlocks } from "./sequence-blocks.js";
export { ClusteredValues, resampleSessions, sessionBootstrap } from "./session-bootstrap.js";
export { type SimulateSessionsOptions, simulateSessions } from "./simulate-sessions.js";
export { type TtftSurvival, ttftSurvival } from "./survival-series.js";
