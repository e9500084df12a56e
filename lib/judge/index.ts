/**
 * Judging: a capture and its replays side by side, with intervals, and a verdict.
 *
 * Read `compare.ts` first (which numbers are compared, and which gate), then `accuracy.ts` (several captures of one
 * scenario, against the engine's own noise), then `cache-effect.ts` (the figure's data). Times are milliseconds, errors
 * are modeled / captured - 1.
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
  type CompareOptions,
  type Comparison,
  compareTraces,
  type ErrorCell,
  type HitCanary,
  type Quantity,
} from "./compare.js";
export { type CurveDistance, ttftDistances } from "./curve-distance.js";
export { type HalfCell, type HalfJudged, judgeSecondHalf } from "./half-judged.js";
export { ClusteredValues, resampleSessions, sessionBootstrap } from "./session-bootstrap.js";
