import { InputError, type Ms, mean, type Tokens } from "../base/index.js";
import { type CohortName, cohortIndices, cohortNames, reportedQuantiles } from "../cohorts/index.js";
import type { SessionLabels } from "../sessions/index.js";
import { type Trace, totalMs } from "../trace/index.js";
import { type CurveDistance, ttftDistances } from "./curve-distance.js";
import { ClusteredValues, sessionBootstrap } from "./session-bootstrap.js";

/** What is compared, by its name in reports. */
export type Quantity = "ttft_ms" | "itl_ms" | "total_ms";

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
  /** modeled / captured - 1, with a 95 % interval that resamples sessions. */
  readonly error?: number;
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

export interface Comparison {
  readonly cells: readonly ErrorCell[];
  /** Distance of the whole TTFT curves, captured against the first seed. */
  readonly curves: readonly CurveDistance[];
  readonly cachedTokens: HitCanary;
  /** "pass" when every gating cell holds; "none" when no cell had enough values to gate. */
  readonly verdict: "pass" | "fail" | "none";
  readonly tolerance: number;
  readonly seeds: number;
}

export interface CompareOptions {
  readonly captured: Trace;
  readonly sessions: SessionLabels;
  /** Modeled traces of the same records in the same order, one a seed. */
  readonly modeled: readonly Trace[];
  /** Largest relative error that holds. Default 0.1. */
  readonly tolerance?: number;
  readonly replicates?: number;
}

/**
 * Compares a capture with its replays: quantiles of TTFT, ITL and request totals, per turn cohort and per concurrency
 * bucket (requests in flight at the captured arrival), and the hit canary. Quantiles are over what was seen on each
 * side: a TTFT or gap also of a request that failed later, a total only of a complete one. Waits that never ended are in
 * no quantile; survival curves are where they count.
 * @throws InputError without a modeled trace
 */
export function compareTraces(options: CompareOptions): Comparison {
  const { captured, sessions, modeled, tolerance = 0.1, replicates = 400 } = options;
  const [first] = modeled;
  if (!first) throw new InputError("compareTraces: modeled must hold at least one trace, got none");
  const groups: [string, number[], boolean][] = [
    ...cohortNames.map((c): [CohortName, number[], boolean] => [c, cohortIndices(sessions, c), true]),
    ...concurrencyBuckets(captured),
  ];
  const cells = groups.flatMap(([group, indices, isCohort]) =>
    (["ttft_ms", "itl_ms", "total_ms"] as const).flatMap((quantity) =>
      compareQuantity(group, quantity, indices, isCohort, { ...options, tolerance, replicates }),
    ),
  );
  const gating = cells.filter((cell) => cell.gates);
  return {
    cells,
    curves: ttftDistances(captured, first, sessions),
    cachedTokens: hitCanary(captured, first),
    verdict: gating.length === 0 ? "none" : gating.every((cell) => cell.holds) ? "pass" : "fail",
    tolerance,
    seeds: modeled.length,
  };
}

function compareQuantity(
  group: string,
  quantity: Quantity,
  indices: readonly number[],
  isCohort: boolean,
  options: Required<CompareOptions>,
): ErrorCell[] {
  const { captured, sessions, modeled, tolerance } = options;
  const sides = [captured, ...modeled].map((trace) => clusteredValues(trace, sessions, indices, quantity));
  const [real, ...models] = sides as [ClusteredValues, ...ClusteredValues[]];
  if (real.size === 0) return [];
  const quantilesOf = (multiplicity?: Int32Array) => ({
    captured: real.quantiles(reportedQuantiles, multiplicity),
    modeled: models.map((m) => m.quantiles(reportedQuantiles, multiplicity)),
  });
  const relativeErrors = (multiplicity?: Int32Array): (number | undefined)[] => {
    const q = quantilesOf(multiplicity);
    return reportedQuantiles.map((_, k) => ratioLessOne(meanOf(q.modeled.map((m) => m[k])), q.captured[k]));
  };
  const point = quantilesOf();
  const errors = relativeErrors();
  const sessionCount = sessions.session.reduce((most, s) => Math.max(most, s), -1) + 1;
  const intervals = sessionBootstrap(sessionCount, relativeErrors, { replicates: options.replicates });
  return reportedQuantiles.map((quantile, k): ErrorCell => {
    const capturedMs = point.captured[k];
    const modeledMs = meanOf(point.modeled.map((m) => m[k]));
    const error = errors[k];
    const interval = intervals[k];
    // Five values beyond a quantile: below that it is the noise of a handful of requests.
    const gates = isCohort && real.size >= 30 && real.size * (1 - quantile) >= 5;
    return {
      group,
      quantity,
      quantile,
      n: real.size,
      ...(capturedMs !== undefined && { capturedMs }),
      ...(modeledMs !== undefined && { modeledMs }),
      ...(error !== undefined && { error }),
      ...(interval && { interval }),
      gates,
      holds: error !== undefined && Math.abs(error) <= tolerance,
    };
  });
}

function clusteredValues(
  trace: Trace,
  sessions: SessionLabels,
  indices: readonly number[],
  quantity: Quantity,
): ClusteredValues {
  const values: number[] = [];
  const clusters: number[] = [];
  const add = (value: number | undefined, index: number): void => {
    if (value === undefined) return;
    values.push(value);
    clusters.push(sessions.session[index]);
  };
  for (const index of indices) {
    const record = trace.records[index];
    if (quantity === "ttft_ms") add(record.ttftMs, index);
    else if (quantity === "total_ms") add(totalMs(record), index);
    else for (const gap of record.itlMs ?? []) add(gap, index);
  }
  return new ClusteredValues(values, clusters);
}

/** Requests by how many were in flight when they arrived: 1, 2-3, 4-7, 8-15, ... */
function concurrencyBuckets(captured: Trace): [string, number[], boolean][] {
  const buckets = new Map<number, number[]>();
  captured.records.forEach((record, index) => {
    if (record.concurrency === undefined || record.concurrency < 1) return;
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

function hitCanary(captured: Trace, modeled: Trace): HitCanary {
  let requests = 0;
  let recordedTokens = 0;
  let predictedTokens = 0;
  let exact = 0;
  let absolute = 0;
  captured.records.forEach((record, i) => {
    const predicted = modeled.records[i]?.cachedTokens;
    if (record.cachedTokens === undefined || predicted === undefined) return;
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

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  return mean(values.filter((v) => v !== undefined));
}

function ratioLessOne(modeled: number | undefined, captured: number | undefined): number | undefined {
  return modeled === undefined || captured === undefined || captured <= 0
    ? undefined
    : modeled / captured - 1;
}
