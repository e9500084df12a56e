import { cohortIndices, cohortNames, countOutcomes, summarizeCohort } from "../cohorts/index.js";
import type { Workload } from "../sessions/index.js";
import { isAnswered } from "../trace/index.js";
import { formatTable, showMs } from "./print-table.js";

/**
 * What became of requests under a time limit, and what it makes of TTFT: quantiles of the complete alone, and Kaplan-Meier's
 * of all that were sent.
 */
export function outcomeTable({ trace, sessions }: Workload, limitMs: number): string {
  const rows = cohortNames.map((name) => {
    const records = cohortIndices(sessions, name).map((i) => trace.records[i]);
    const outcomes = countOutcomes(records);
    const survivors = summarizeCohort(records.filter(isAnswered)).ttftMs;
    const all = summarizeCohort(records).ttftMs;
    const reached = (ms: number | undefined) =>
      ms === undefined && outcomes.sent > 0 ? `> ${showMs(limitMs)}` : showMs(ms);
    return [
      name,
      String(outcomes.sent),
      String(outcomes.completed),
      String(outcomes.timedOutBeforeFirstToken),
      String(outcomes.timedOutAfterFirstToken),
      String(outcomes.neverSent),
      showMs(survivors.p50),
      showMs(survivors.p99),
      reached(all.p50),
      reached(all.p99),
    ];
  });
  return formatTable(
    [
      "cohort",
      "sent",
      "complete",
      "cut before 1st token",
      "cut after",
      "never sent",
      "TTFT p50, complete",
      "p99",
      "p50, Kaplan-Meier",
      "p99",
    ],
    rows,
  );
}
