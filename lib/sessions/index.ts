/**
 * Sessions: which request continues, spawns, joins or retries which, as recorded or found in the block hashes of a trace.
 *
 * Read `sessions.ts` first (parents, turns, what is waited for, the evidence of an edge), then `sessions-of.ts` (recorded
 * ones first) and `infer-sessions.ts` (the rule in words): `find-trunks.ts` and `choose-parent.ts` are its two halves,
 * `find-spawns.ts` adds sub-agents (`agent-conversations.ts`, `starters.ts` and `spawn-chance.ts` are its parts), `edge-features.ts` and `edge-confidence.ts` say how sure an edge is. Lengths are full blocks of the trace's block size, times
 * milliseconds, turns count from 1; a record is named by its index in `trace.records`.
 */
export { adjustedRandIndex } from "./adjusted-rand-index.js";
export { explainEdge } from "./explain-edge.js";
export { firstTurns } from "./first-turns.js";
export { inferSessions } from "./infer-sessions.js";
export type { InferOptions } from "./parent-rules.js";
export { partOfWorkload } from "./part-of-workload.js";
export { type MendedRecords, type RecordedSessions, recordedSessions } from "./recorded-sessions.js";
export { completionMs, type KnownColumns, type RequestColumns, timesOf } from "./request-columns.js";
export { type EdgeScore, type SessionScore, scoreSessions } from "./score-sessions.js";
export {
  EDGE_KINDS,
  type EdgeEvidence,
  type EdgeKind,
  PARENT_KINDS,
  type SessionLabels,
  type Sessions,
  type WaitedFor,
  waitsOf,
} from "./sessions.js";
export {
  type ChosenSessions,
  MIN_CONFIDENCE,
  type SessionsOptions,
  sessionsOf,
  sessionsOfColumns,
} from "./sessions-of.js";
export { type ModeledThinkGaps, thinkGapsFromDurations, thinkGapsMs } from "./think-gaps.js";
export { type TurnCohorts, turnCohorts } from "./turn-cohorts.js";
export { type Workload, workloadOf } from "./workload-of.js";
