/**
 * Calibration: a fit that decides by replaying what its captures do not tell of their engine.
 *
 * Read `candidates.ts` first (what may be supposed), then `calibrate-latency.ts` (in which order it is decided):
 * `scheduling-evidence.ts` and `try-suppositions.ts` decide, `fit-supposed.ts` is a fit under a supposition, and
 * `replay-error.ts` says how far a replay is from its capture. Times are milliseconds.
 */
export { type Calibration, calibrateLatency } from "./calibrate-latency.js";
export { type Candidates, candidatesFor, type GivenSuppositions, type Supposition } from "./candidates.js";
export type { CalibrateOptions } from "./fit-supposed.js";
export { type HalfJudged, judgeSecondHalf } from "./judge-second-half.js";
export { compareStatistics, replayError, type StatisticCell } from "./replay-error.js";
export type { SchedulingEvidence } from "./scheduling-evidence.js";
export type { TriedSupposition } from "./try-suppositions.js";
