/**
 * Cohorts: what is in a trace, and its latencies by who is compared with whom.
 *
 * Read `cohorts.ts` first (first turns and later ones, and a request's TTFT as survival data), then
 * `agent-cohorts.ts` (by role and depth), `survival-series.ts` (a cohort's curve), `outcomes.ts` (what became of requests) and `inspect-trace.ts` (counts, ranges, sharing). Times are milliseconds.
 */
export {
  type AgentRole,
  roleIndices,
  summarizeDepths,
  summarizeRoles,
  type TurnBand,
} from "./agent-cohorts.js";
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
  arrivalsInspection,
  inspectTrace,
  type Range,
  type RangedQuantity,
  type TraceInspection,
} from "./inspect-trace.js";
export { countOutcomes, type Outcomes } from "./outcomes.js";
export { type TtftSurvival, ttftSurvival } from "./survival-series.js";
export { tellsTtft } from "./tells-ttft.js";
