import { InputError, requireInteger, type Tokens } from "../base/index.js";
import { isComplete, type Trace } from "../trace/index.js";
import { fitEmpirical } from "./fit-empirical.js";
import { fitPhysical } from "./fit-physical.js";
import type { FitReport } from "./fit-report.js";
import type { FitRange, LatencyModel } from "./latency-model.js";
import { type Observation, observeTrace, uncachedOf } from "./observations.js";

/** The latency models that can be fitted. */
export type LatencyKind = "physical" | "empirical";

/** Settings of {@link fitLatency}. */
export interface FitOptions {
  /** Default "physical". */
  readonly kind?: LatencyKind;
  /** The engine's token budget a step: how a prefill was cut into chunks. Default: each trace's own, else 2,048. */
  readonly maxNumBatchedTokens?: Tokens;
  /** Longest chunk of one prefill in a step; 0 = no cap of its own (default). */
  readonly longPrefillTokenThreshold?: Tokens;
}

/** A fitted model and what it rests on. */
export interface LatencyFit {
  readonly model: LatencyModel;
  readonly report: FitReport;
}

/** Isolated TTFTs below which a fit is refused. */
const leastIsolated = 8;
/** Decode gaps below which a fit is refused. */
const leastDecodeGaps = 50;

/**
 * Fits a latency model on traces of one engine.
 * @throws InputError when the traces hold too little to fit on, saying what is missing
 */
export function fitLatency(traces: readonly Trace[], options: FitOptions = {}): LatencyFit {
  if (options.maxNumBatchedTokens !== undefined)
    requireInteger("fitLatency", "maxNumBatchedTokens", options.maxNumBatchedTokens, 1);
  const observations: Observation[] = [];
  const leftOut = new Map<string, number>();
  const warnings: string[] = [];
  let firstRun = 0;
  for (const trace of traces) {
    const set = observeTrace(trace, options, firstRun);
    firstRun += trace.records.length;
    observations.push(...set.observations);
    for (const [reason, count] of set.leftOut) leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
    warnings.push(...set.warnings);
  }
  const used: Record<string, number> = { isolated: 0, decode: 0, chunk: 0 };
  for (const { kind } of observations) used[kind]!++;
  refuseTooLittle(traces, used);
  const range = fitRange(traces, observations);
  const { model, coefficients, residuals, trimmed } =
    options.kind === "empirical" ? fitEmpirical(observations, range) : fitPhysical(observations, range);
  return {
    model,
    report: {
      kind: model.kind,
      range,
      coefficients,
      used,
      trimmed,
      leftOut: [...leftOut].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
      residuals,
      warnings,
    },
  };
}

function refuseTooLittle(traces: readonly Trace[], used: Readonly<Record<string, number>>): void {
  const records = traces.reduce((sum, trace) => sum + trace.records.length, 0);
  const missing: string[] = [];
  if (used.isolated! < leastIsolated)
    missing.push(
      `${used.isolated} requests that were alone on the engine until their first token (at least ${leastIsolated} are needed: capture some at concurrency 1)`,
    );
  if (used.decode! < leastDecodeGaps)
    missing.push(
      `${used.decode} inter-token gaps without a prefill (at least ${leastDecodeGaps} are needed: capture answers of more tokens, with their gaps)`,
    );
  if (missing.length > 0)
    throw new InputError(`fitLatency: too little to fit in ${records} records: ${missing.join("; ")}`);
}

function fitRange(traces: readonly Trace[], observations: readonly Observation[]): FitRange {
  const complete = traces.flatMap((trace) => trace.records.filter(isComplete));
  const uncached = observations.flatMap((o) => (o.kind === "isolated" ? [o.load.prefillTokens] : []));
  return {
    uncachedTokens: extent([...uncached, ...complete.map(uncachedOf)]),
    contextTokens: extent(complete.map((record) => record.promptTokens + record.outputTokens)),
    runningSeqs: extent(observations.map((o) => o.load.decodeSeqs + (o.kind === "isolated" ? 1 : 0))),
  };
}

function extent(values: readonly number[]): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
