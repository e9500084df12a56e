/**
 * Judging: a capture and its replays side by side, with intervals, and a verdict.
 *
 * Read `compare.ts` first (which numbers are compared, and which gate), then `scenario-accuracy.ts` (several captures of
 * one scenario, against the engine's own noise), then `judge-captures.ts` (all scenarios of the accuracy page),
 * `start-speed.ts` (how fast one start of an engine was) and `cache-effect.ts` (the figure's data; `published-scenario.ts` has that of another figure, under its own conditions).
 * `compare-engine-view.ts` holds an engine's own view (counters, blocks stored and removed) against rows and simulated pool. `compare-routers.ts` holds a
 * workload under several routers against each other. Times are milliseconds, errors are modeled / captured - 1.
 */
export { type AccuracyScenario, accuracyScenarios } from "./accuracy-scenarios.js";
export { alignTraces } from "./align-traces.js";
export { type Allowance, allowanceOf } from "./allowance-of.js";
export {
  type CacheEffect,
  type CacheEffectOptions,
  type CacheEffectSeries,
  cacheEffect,
} from "./cache-effect.js";
export {
  type CaptureStart,
  captureStarts,
  lastingShares,
  lastingSpeed,
  startRequests,
} from "./capture-starts.js";
export {
  type CompareOptions,
  type Comparison,
  compareTraces,
  type ErrorCell,
  type HitCanary,
  type Quantity,
} from "./compare.js";
export {
  type CountersComparison,
  compareEngineView,
  type EngineViewComparison,
  type PoolComparison,
} from "./compare-engine-view.js";
export { comparePacing, type PacingComparison } from "./compare-pacing.js";
export {
  type ByQuantile,
  type CompareRoutersOptions,
  compareRouters,
  type ReuseShares,
  type RouterComparison,
  type RouterOutcome,
} from "./compare-routers.js";
export { type CurveDistance, ttftDistances } from "./curve-distance.js";
export { type IdleRequest, idleRequests } from "./idle-requests.js";
export { type IntervalCoverage, intervalCoverage } from "./interval-coverage.js";
export {
  type AccuracyReport,
  type FittedModel,
  type JudgeCapturesOptions,
  judgeCaptures,
  type ScenarioNoise,
  type ScenarioReport,
} from "./judge-captures.js";
export { type CaptureWithReplays, poolCaptures } from "./pool-captures.js";
export { h200ColdCurve, publishedFigure } from "./published-figure.js";
export {
  type PublishedScenario,
  type PublishedScenarioOptions,
  publishedScenario,
} from "./published-scenario.js";
export { replayScenario, type ScenarioCapture } from "./replay-scenario.js";
export { type OrderAgreement, orderAgreement } from "./same-order.js";
export {
  type AccuracyCell,
  type JudgedCapture,
  type ScenarioAccuracy,
  scenarioAccuracy,
} from "./scenario-accuracy.js";
export { type NoiseCell, seedNoise } from "./seed-noise.js";
export { type SlowBand, slowBandMass, slowBandOf, slowBandThresholdMs } from "./slow-band.js";
export { type StartAccuracy, type StartCell, startAccuracy } from "./start-accuracy.js";
export { type StartSpeed, type StartSpeedOptions, startSpeed } from "./start-speed.js";
export { pooledStepsWaited, type StepsWaited, stepsWaited } from "./steps-waited.js";
