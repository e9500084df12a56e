import type { Ms } from "../base/index.js";
import { selectQuantiles } from "../base/index.js";
import type { SessionLabels, Workload } from "../sessions/index.js";
import { kaplanMeier, quantileOf } from "../survival/index.js";
import { isAnswered, type Trace, type TraceRecord, totalMs } from "../trace/index.js";

/** Requests grouped by turn: first turns hit at most a shared prefix, later ones also their own history. */
export type CohortName = "all" | "turn1" | "turns2plus";

/**
 * @example
 * ```ts
 * import { cohortNames } from "prefixlab";
 * cohortNames; // → ["all", "turn1", "turns2plus"]
 * ```
 */
export const cohortNames: readonly CohortName[] = ["all", "turn1", "turns2plus"];

/**
 * The quantiles that every table reports.
 * @example
 * ```ts
 * import { reportedQuantiles } from "prefixlab/cohorts";
 * reportedQuantiles; // → [0.5, 0.9, 0.99]
 * ```
 */
export const reportedQuantiles = [0.5, 0.9, 0.99] as const;

export interface Quantiles {
  readonly p50?: Ms;
  readonly p90?: Ms;
  readonly p99?: Ms;
}

export interface CohortSummary {
  /** Requests in the cohort, and how many of them never showed a first token. */
  readonly n: number;
  readonly censored: number;
  readonly ttftMs: Quantiles;
  /** Over all gaps between chunks of output, the first token's wait left out. */
  readonly itlMs: Quantiles;
  /** Arrival to last token. */
  readonly totalMs: Quantiles;
}

/**
 * Indices of a trace's records in a cohort.
 * @example
 * ```ts
 * import { cohortIndices, readCapture, sessionsOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * cohortIndices(sessionsOf(trace), "turns2plus").length; // → 256
 * ```
 */
export function cohortIndices(sessions: SessionLabels, cohort: CohortName): number[] {
  return Array.from(sessions.turn.keys()).filter((i) => {
    const turn = sessions.turn[i];
    return cohort === "all" || (cohort === "turn1") === (turn === 1);
  });
}

/**
 * One request's TTFT as survival data: one that failed, timed out or was cut off before its first token is censored at
 * the last time it was known to wait. Undefined where its first token came at a time that nothing tells, as in an answer
 * that was not streamed, and where nothing is known at all.
 * @example
 * ```ts
 * import { ttftObservation } from "prefixlab/cohorts";
 * ttftObservation({ promptTokens: 100, outputTokens: 24, ttftMs: 36 }); // → { timeMs: 36, observed: true }
 * ttftObservation({ promptTokens: 100, outputTokens: 0, elapsedMs: 900, finishReason: "timeout" });
 * // → { timeMs: 900, observed: false }
 * ```
 */
export function ttftObservation(
  record: TraceRecord,
): { readonly timeMs: Ms; readonly observed: boolean } | undefined {
  if (record.ttftMs !== undefined) return { timeMs: record.ttftMs, observed: true };
  return record.elapsedMs === undefined || record.outputTokens > 0
    ? undefined
    : { timeMs: record.elapsedMs, observed: false };
}

/**
 * {@link ttftObservation} of many, as the survival room takes them; those that tell nothing are left out and counted.
 * @example
 * ```ts
 * import { ttftObservations } from "prefixlab/cohorts";
 * const timedOut = { promptTokens: 100, outputTokens: 0, elapsedMs: 900, finishReason: "timeout" };
 * ttftObservations([{ promptTokens: 100, outputTokens: 24, ttftMs: 36 }, timedOut]);
 * // → { times: [36, 900], observed: [true, false], unknown: 0 }
 * ```
 */
export function ttftObservations(records: readonly TraceRecord[]): {
  readonly times: Float64Array;
  readonly observed: boolean[];
  readonly unknown: number;
} {
  const times: number[] = [];
  const observed: boolean[] = [];
  let unknown = 0;
  for (const record of records) {
    const wait = ttftObservation(record);
    if (!wait) unknown++;
    else {
      times.push(wait.timeMs);
      observed.push(wait.observed);
    }
  }
  return { times: Float64Array.from(times), observed, unknown };
}

/**
 * Summary of one cohort. Quantiles are definition 7 of Hyndman and Fan; where requests are censored, TTFT quantiles
 * are those of the Kaplan-Meier curve, undefined where it does not reach them.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { summarizeCohort } from "prefixlab/cohorts";
 * const { records } = await readCapture({ role: "judge", scenario: "poisson" });
 * summarizeCohort(records).ttftMs; // → { p50: 147, p90: 263.5, p99: 406.7 }
 * ```
 */
export function summarizeCohort(records: readonly TraceRecord[]): CohortSummary {
  const { times, observed, unknown } = ttftObservations(records);
  const censored = observed.filter((seen) => !seen).length;
  const gaps = records.flatMap((r) => (r.itlMs ? [r.itlMs] : []));
  const gapCount = gaps.reduce((sum, g) => sum + g.length, 0);
  const allGaps = new Float64Array(gapCount);
  let at = 0;
  for (const g of gaps) {
    allGaps.set(g, at);
    at += g.length;
  }
  const totals = Float64Array.from(records.flatMap((r) => totalMs(r) ?? []));
  return {
    n: records.length - unknown,
    censored,
    ttftMs: censored === 0 ? plainQuantiles(times) : censoredQuantiles(times, observed),
    itlMs: plainQuantiles(allGaps),
    totalMs: plainQuantiles(totals),
  };
}

/**
 * Summaries of all cohorts of a trace.
 * @example
 * ```ts
 * import { readCapture, summarizeCohorts, workloadOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { turn1, turns2plus } = summarizeCohorts(workloadOf(trace));
 * [turn1.n, turn1.ttftMs.p50]; // → [64, 50.79]
 * [turns2plus.n, turns2plus.ttftMs.p50]; // → [256, 56.19]
 * ```
 */
export function summarizeCohorts({ trace, sessions }: Workload): Record<CohortName, CohortSummary> {
  const of = (cohort: CohortName): CohortSummary =>
    summarizeCohort(cohortIndices(sessions, cohort).map((i) => trace.records[i]));
  return { all: of("all"), turn1: of("turn1"), turns2plus: of("turns2plus") };
}

/**
 * How many requests delivered all their output.
 * @example
 * ```ts
 * import { completedCount, readCapture } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * completedCount(trace); // → 320
 * ```
 */
export function completedCount(trace: Trace): number {
  return trace.records.filter(isAnswered).length;
}

/** @param values rearranged */
function plainQuantiles(values: Float64Array): Quantiles {
  return named(selectQuantiles(values, reportedQuantiles));
}

function censoredQuantiles(times: Float64Array, observed: boolean[]): Quantiles {
  const curve = kaplanMeier({ times, observed });
  return named(reportedQuantiles.map((p) => quantileOf(curve, p)));
}

function named([p50, p90, p99]: readonly (number | undefined)[]): Quantiles {
  return {
    ...(p50 !== undefined && { p50 }),
    ...(p90 !== undefined && { p90 }),
    ...(p99 !== undefined && { p99 }),
  };
}
