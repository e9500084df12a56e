/**
 * Calibration: a fit that decides by replaying what its captures do not tell of their engine.
 *
 * Read `candidates.ts` first (what may be supposed), then `calibrate-latency.ts` (how one supposition goes before another)
 * and `replay-error.ts` (how far a replay is from its capture). Times are milliseconds.
 */
export {
  type CalibrateOptions,
  type Calibration,
  calibrateLatency,
  type SchedulingEvidence,
  type TriedSupposition,
} from "./calibrate-latency.js";
export { type Candidates, candidatesFor, type GivenSuppositions, type Supposition } from "./candidates.js";
export { type HalfJudged, judgeSecondHalf } from "./judge-second-half.js";
export { compareStatistics, replayError, type StatisticCell } from "./replay-error.js";
