/**
 * Sessions: which request continues which, found in the block hashes of a trace.
 *
 * Read `sessions.ts` first (parents, turns, the evidence of an edge), then `infer-sessions.ts` (the rule in words),
 * `find-trunks.ts` and `choose-parent.ts` (its two halves). Lengths are full blocks of the trace's block size, times
 * milliseconds, turns count from 1; a record is named by its index in `trace.records`.
 */
export { adjustedRandIndex } from "./adjusted-rand-index.js";
export { explainEdge } from "./explain-edge.js";
export { inferSessions } from "./infer-sessions.js";
export type { InferOptions } from "./parent-rules.js";
export { recordedSessions } from "./recorded-sessions.js";
export { completionMs } from "./request-columns.js";
export { type EdgeScore, type SessionScore, scoreSessions } from "./score-sessions.js";
export {
  EDGE_KINDS,
  type EdgeEvidence,
  type EdgeKind,
  type SessionLabels,
  type Sessions,
} from "./sessions.js";
export { sessionsOf } from "./sessions-of.js";
export { type ModeledThinkGaps, thinkGapsFromDurations, thinkGapsMs } from "./think-gaps.js";
export { type TurnCohorts, turnCohorts } from "./turn-cohorts.js";
export { type Workload, workloadOf } from "./workload-of.js";
