import { InputError, type Ms, mean, selectQuantiles, type Tokens } from "../base/index.js";
import {
  type CohortName,
  cohortIndices,
  cohortNames,
  reportedQuantiles,
  ttftObservation,
} from "../cohorts/index.js";
import type { SessionLabels, Workload } from "../sessions/index.js";
import { clusterRobustCurve, quantileRatio } from "../survival/index.js";
import { isAnswered, type Trace, type TraceRecord, totalMs } from "../trace/index.js";
import { type CurveDistance, ttftDistances } from "./curve-distance.js";

/** What is compared: time to first token, gaps between tokens, arrival to last token. */
export type Quantity = "ttft" | "itl" | "total";

/** One number of the capture against the same number of the model. */
export interface ErrorCell {
  /** A cohort, or a concurrency bucket such as "in flight 4-7". */
  readonly group: string;
  readonly quantity: Quantity;
  readonly quantile: number;
  /** Captured values behind it. */
  readonly n: number;
  readonly capturedMs?: Ms;
  /** Mean over the seeds. */
  readonly modeledMs?: Ms;
  /** modeled / captured - 1: an error, or, in a comparison of that kind, a difference. */
  readonly error?: number;
  /**
   * 95 % interval of the error over sessions like these, see {@link quantileRatio}; undefined where the values cannot give
   * one, as a p99 of fewer than a few hundred.
   */
  readonly interval?: readonly [low: number, high: number];
  /** Whether it takes part in the verdict: enough values (n >= 30, and 5 beyond the quantile) in a cohort. */
  readonly gates: boolean;
  readonly holds: boolean;
}

/** Predicted against recorded cached tokens, request by request: the part without timing noise. */
export interface HitCanary {
  /** Requests for which the capture recorded cached tokens. */
  readonly requests: number;
  readonly recordedTokens: Tokens;
  readonly predictedTokens: Tokens;
  readonly exactFraction?: number;
  readonly meanAbsoluteErrorTokens?: Tokens;
}

/** A capture beside its replays: numbers, curves, cached tokens, and whether they agree. */
export interface Comparison {
  /**
   * "error": both sides answer the same question, and what they differ by is the model's error. "difference": a what-if
   * beside the capture that it was made from; what they differ by is its effect, and nothing is judged.
   */
  readonly kind: "error" | "difference";
  readonly cells: readonly ErrorCell[];
  /** Distance of the whole TTFT curves, captured against the first seed. */
  readonly curves: readonly CurveDistance[];
  readonly cachedTokens: HitCanary;
  /** "pass" when every gating cell holds; "none" when no cell had enough values to gate. */
  readonly verdict: "pass" | "fail" | "none";
  readonly tolerance: number;
  readonly seeds: number;
}

/** What is compared, and how it is judged. */
export interface CompareOptions {
  /** Modeled traces of the same records in the same order, one a seed. */
  readonly modeled: readonly Trace[];
  /** Largest relative error that holds. Default 0.1. */
  readonly tolerance?: number;
  /** What the two sides differ by. Default "error"; of a "difference" nothing gates. */
  readonly kind?: Comparison["kind"];
  /** Default true. False leaves the intervals out. */
  readonly intervals?: boolean;
  /** Which records are compared, by their index; the others only loaded the engine. Default: all. */
  readonly isJudged?: (index: number) => boolean;
}

/**
 * Compares a captured workload with its replays: quantiles of TTFT, ITL and request totals, per turn cohort and per concurrency
 * bucket (requests in flight at the captured arrival), and the hit canary. Quantiles are over what was seen on each
 * side: a TTFT or gap also of a request that failed later, a total only of a complete one. Waits that never ended are in
 * no quantile; survival curves are where they count. What the capture did not measure, such as the TTFT of an answer that
 * was not streamed, counts on neither side: the model's is of another set of requests.
 * @throws InputError without a modeled trace
 * @example
 * ```ts
 * import { compareTraces, latencyProfile, readCapture, replay, workloadOf } from "prefixlab";
 * const captured = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const { trace } = replay(captured, { model: latencyProfile("h200-qwen3-8b") });
 * const comparison = compareTraces(captured, { modeled: [trace] });
 * // The timings of another engine: prefixes are found as they were, times are not met.
 * [comparison.cachedTokens.exactFraction, comparison.verdict]; // → [1, "fail"]
 * ```
 */
export function compareTraces(workload: Workload, options: CompareOptions): Comparison {
  const { trace: captured, sessions } = workload;
  const { modeled, tolerance = 0.1, kind = "error", intervals = true, isJudged = () => true } = options;
  const [first] = modeled;
  if (!first) throw new InputError("compareTraces: modeled must hold at least one trace, got none");
  const groups: [string, number[], boolean][] = [
    ...cohortNames.map((c): [CohortName, number[], boolean] => [
      c,
      cohortIndices(sessions, c).filter(isJudged),
      true,
    ]),
    ...concurrencyBuckets(captured, isJudged),
  ];
  const cells = groups.flatMap(([group, indices, isCohort]) =>
    (["ttft", "itl", "total"] as const).flatMap((quantity) =>
      compareQuantity(workload, group, quantity, indices, isCohort, {
        ...options,
        tolerance,
        kind,
        intervals,
        isJudged,
      }),
    ),
  );
  const gating = cells.filter((cell) => cell.gates);
  return {
    kind,
    cells,
    curves: ttftDistances(workload, first, isJudged),
    cachedTokens: hitCanary(captured, first, isJudged),
    verdict: gating.length === 0 ? "none" : gating.every((cell) => cell.holds) ? "pass" : "fail",
    tolerance,
    seeds: modeled.length,
  };
}

function compareQuantity(
  workload: Workload,
  group: string,
  quantity: Quantity,
  indices: readonly number[],
  isCohort: boolean,
  options: Required<CompareOptions>,
): ErrorCell[] {
  const { sessions } = workload;
  const { modeled, tolerance, kind, intervals } = options;
  const told = indices.filter((index) => isTold(workload.trace.records[index], quantity));
  const real = valuesOf(workload.trace, sessions, told, quantity);
  const n = real.times.length;
  if (n === 0) return [];
  const models = modeled.map((trace) => valuesOf(trace, sessions, told, quantity));
  const quantilesOf = ({ times }: SessionValues) => selectQuantiles(times, reportedQuantiles);
  const capturedMs = quantilesOf(real);
  const bySeed = models.map(quantilesOf);
  const intervalOf = intervals ? ratioIntervals(models, real) : () => undefined;
  return reportedQuantiles.map((quantile, k): ErrorCell => {
    const modeledMs = mean(bySeed.flatMap((values) => values[k] ?? []));
    const error = ratioLessOne(modeledMs, capturedMs[k]);
    const interval = error === undefined ? undefined : intervalOf(quantile, error);
    // Five values beyond a quantile: below that it is the noise of a handful of requests. 50 - 50 x 0.9 is 5, unlike 50 x 0.1.
    const gates = kind === "error" && isCohort && n >= 30 && n - n * quantile >= 5;
    return {
      group,
      quantity,
      quantile,
      n,
      ...(capturedMs[k] !== undefined && { capturedMs: capturedMs[k] }),
      ...(modeledMs !== undefined && { modeledMs }),
      ...(error !== undefined && { error }),
      ...(interval && { interval }),
      gates,
      holds: error !== undefined && Math.abs(error) <= tolerance,
    };
  });
}

/** Whether a capture tells a quantity of this request, or that it came to none because the request failed. */
function isTold(record: TraceRecord, quantity: Quantity): boolean {
  if (quantity === "ttft") return ttftObservation(record) !== undefined;
  const value = quantity === "itl" ? record.itlMs : totalMs(record);
  return value !== undefined || !isAnswered(record);
}

/** Values and the session of each. */
interface SessionValues {
  readonly times: Float64Array;
  readonly clusters: Int32Array;
}

function valuesOf(
  trace: Trace,
  sessions: SessionLabels,
  indices: readonly number[],
  quantity: Quantity,
): SessionValues {
  const { records } = trace;
  const most =
    quantity === "itl"
      ? indices.reduce((sum, index) => sum + (records[index].itlMs?.length ?? 0), 0)
      : indices.length;
  const times = new Float64Array(most);
  const clusters = new Int32Array(most);
  let n = 0;
  for (const index of indices) {
    const record = records[index];
    const session = sessions.session[index];
    if (quantity === "itl") {
      if (!record.itlMs) continue;
      times.set(record.itlMs, n);
      clusters.fill(session, n, n + record.itlMs.length);
      n += record.itlMs.length;
      continue;
    }
    const value = quantity === "ttft" ? record.ttftMs : totalMs(record);
    if (value === undefined) continue;
    times[n] = value;
    clusters[n++] = session;
  }
  return { times: times.subarray(0, n), clusters: clusters.subarray(0, n) };
}

/**
 * Intervals of modeled / captured - 1. The seeds are pooled: each session then adds what all of its replays add, and the
 * mean over the seeds varies from sample to sample as the pooled quantile does. An interval always holds its error.
 */
function ratioIntervals(
  models: readonly SessionValues[],
  real: SessionValues,
): (quantile: number, error: number) => readonly [number, number] | undefined {
  const pooled = pool(models);
  const [modeled, captured] = [pooled, real].map((values) => clusterRobustCurve(values, values.clusters));
  return (quantile, error) => {
    const { lower, upper } = quantileRatio(modeled, captured, quantile, { paired: true });
    return lower === undefined || upper === undefined
      ? undefined
      : [Math.min(error, lower - 1), Math.max(error, upper - 1)];
  };
}

/** The values of all, one after the other. */
function pool(parts: readonly SessionValues[]): SessionValues {
  if (parts.length === 1) return parts[0];
  const n = parts.reduce((sum, { times }) => sum + times.length, 0);
  const [times, clusters] = [new Float64Array(n), new Int32Array(n)];
  let at = 0;
  for (const part of parts) {
    times.set(part.times, at);
    clusters.set(part.clusters, at);
    at += part.times.length;
  }
  return { times, clusters };
}

/** Requests by how many were in flight when they arrived: 1, 2-3, 4-7, 8-15, ... */
function concurrencyBuckets(
  captured: Trace,
  isJudged: (index: number) => boolean,
): [string, number[], boolean][] {
  const buckets = new Map<number, number[]>();
  captured.records.forEach((record, index) => {
    if (record.concurrency === undefined || record.concurrency < 1 || !isJudged(index)) return;
    const level = Math.floor(Math.log2(record.concurrency));
    const bucket = buckets.get(level) ?? [];
    if (bucket.length === 0) buckets.set(level, bucket);
    bucket.push(index);
  });
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([level, indices]) => [
      level === 0 ? "in flight 1" : `in flight ${2 ** level}-${2 ** (level + 1) - 1}`,
      indices,
      false,
    ]);
}

function hitCanary(captured: Trace, modeled: Trace, isJudged: (index: number) => boolean): HitCanary {
  let requests = 0;
  let recordedTokens = 0;
  let predictedTokens = 0;
  let exact = 0;
  let absolute = 0;
  captured.records.forEach((record, i) => {
    const predicted = modeled.records[i]?.cachedTokens;
    if (record.cachedTokens === undefined || predicted === undefined || !isJudged(i)) return;
    requests++;
    recordedTokens += record.cachedTokens;
    predictedTokens += predicted;
    absolute += Math.abs(predicted - record.cachedTokens);
    if (predicted === record.cachedTokens) exact++;
  });
  return {
    requests,
    recordedTokens,
    predictedTokens,
    ...(requests > 0 && { exactFraction: exact / requests, meanAbsoluteErrorTokens: absolute / requests }),
  };
}

function ratioLessOne(modeled: number | undefined, captured: number | undefined): number | undefined {
  return modeled === undefined || captured === undefined || captured <= 0
    ? undefined
    : modeled / captured - 1;
}
