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
  const { turn } = sessions;
  const indices: number[] = [];
  for (let i = 0; i < turn.length; i++)
    if (cohort === "all" || (cohort === "turn1") === (turn[i] === 1)) indices.push(i);
  return indices;
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
  const times = new Float64Array(records.length);
  const observed: boolean[] = [];
  for (const record of records) {
    const wait = ttftObservation(record);
    if (wait) times[observed.push(wait.observed) - 1] = wait.timeMs;
  }
  const unknown = records.length - observed.length;
  return { times: unknown === 0 ? times : times.slice(0, observed.length), observed, unknown };
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
  return summaryOf(valuesOf(records));
}

/** What a cohort's quantiles are of. */
interface CohortValues {
  readonly waitsMs: Float64Array;
  readonly observed: readonly boolean[];
  /** Those of a request in one piece. */
  readonly gapsMs: readonly Float64Array[];
  readonly totalsMs: Float64Array;
}

function valuesOf(records: readonly TraceRecord[]): CohortValues {
  const { times, observed } = ttftObservations(records);
  const gapsMs: Float64Array[] = [];
  const totalsMs = new Float64Array(records.length);
  let totals = 0;
  for (const record of records) {
    if (record.itlMs) gapsMs.push(record.itlMs);
    const total = totalMs(record);
    if (total !== undefined) totalsMs[totals++] = total;
  }
  return { waitsMs: times, observed, gapsMs, totalsMs: totalsMs.subarray(0, totals) };
}

function summaryOf({ waitsMs, observed, gapsMs, totalsMs }: CohortValues): CohortSummary {
  return {
    n: waitsMs.length,
    censored: observed.filter((seen) => !seen).length,
    ttftMs: ttftQuantiles({ times: waitsMs, observed }),
    itlMs: plainQuantiles(gapsMs),
    totalMs: plainQuantiles(totalsMs),
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
  const of = (cohort: CohortName) => valuesOf(cohortIndices(sessions, cohort).map((i) => trace.records[i]));
  const [first, later] = [of("turn1"), of("turns2plus")];
  const all: CohortValues = {
    waitsMs: joined(first.waitsMs, later.waitsMs),
    observed: [...first.observed, ...later.observed],
    gapsMs: [...first.gapsMs, ...later.gapsMs],
    totalsMs: joined(first.totalsMs, later.totalsMs),
  };
  return { all: summaryOf(all), turn1: summaryOf(first), turns2plus: summaryOf(later) };
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
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

/** Quantiles of waits, some of them known up to a time alone: type 7 where all ended, else those of the Kaplan-Meier curve. */
export function ttftQuantiles(waits: {
  readonly times: Float64Array;
  readonly observed: readonly boolean[];
}): Quantiles {
  if (waits.observed.every((seen) => seen)) return plainQuantiles(waits.times);
  const curve = kaplanMeier(waits);
  return named(reportedQuantiles.map((p) => quantileOf(curve, p)));
}

function plainQuantiles(values: Float64Array | readonly Float64Array[]): Quantiles {
  return named(selectQuantiles(values, reportedQuantiles));
}

function named([p50, p90, p99]: readonly (number | undefined)[]): Quantiles {
  return {
    ...(p50 !== undefined && { p50 }),
    ...(p90 !== undefined && { p90 }),
    ...(p99 !== undefined && { p99 }),
  };
}
