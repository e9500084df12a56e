import { InputError, requireInteger, type Tokens } from "../base/index.js";
import type { FitRange, LatencyModel } from "../latency/index.js";
import { withConditions } from "../latency/index.js";
import { type EngineSettings, engineSettingNames, someEngineSettings } from "../settings/index.js";
import { isComplete, type Trace, type TraceRecord } from "../trace/index.js";
import { fitEmpirical } from "./fit-empirical.js";
import { fitMeans, schedulingDelayMs } from "./fit-means.js";
import { fitPhysical, type PhysicalFit } from "./fit-physical.js";
import type { FitReport } from "./fit-report.js";
import { type Observation, observeTrace } from "./observations.js";
import { observeMeans } from "./observe-means.js";
import { uncachedPromptTokens } from "./prefill-chunks.js";
import type { PrefillStep } from "./prefill-steps.js";

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
  /**
   * Which records to learn from; the others' tokens and prefills still load the engine. Default: all. For judging on
   * a part of a trace that the fit has not seen.
   */
  readonly isFitted?: (record: TraceRecord, index: number, trace: Trace) => boolean;
  /**
   * With mean gaps only: prefills that the trace does not show, such as recomputing after preemptions where KV blocks
   * are scarce. Asked once a round with the model so far, so that a simulation can answer. Default: none.
   */
  readonly hiddenPrefills?: (model: LatencyModel, trace: Trace) => readonly PrefillStep[];
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
/** Decodes of known length, without their gaps, below which a fit is refused. */
const leastSpans = 30;
/** Explained variance below which a fit warns that it says nothing of a kind of observation. */
const worstRSquared = -0.1;

/**
 * Fits a latency model on traces of one engine. With per-token gaps, on the engine's steps; without any, on the mean
 * gaps of whole decodes, with the physical model only and without noise.
 * @throws InputError when the traces hold too little to fit on, saying what is missing
 * @example
 * ```ts
 * import { fitLatency, readCaptures } from "prefixlab";
 * const { model, report } = fitLatency(await readCaptures({ role: "fit" }));
 * model.kind; // → "physical"
 * model.range.uncachedTokens; // → [16, 2048]
 * ```
 */
export function fitLatency(traces: readonly Trace[], options: FitOptions = {}): LatencyFit {
  if (options.maxNumBatchedTokens !== undefined)
    requireInteger("fitLatency", "maxNumBatchedTokens", options.maxNumBatchedTokens, 1);
  const onMeans =
    traces.some((trace) => trace.records.some((record) => record.itlSummary !== undefined)) &&
    !traces.some((trace) => trace.records.some((record) => record.itlMs !== undefined));
  const collect = (earlier?: PhysicalFit) => collectObservations(traces, options, onMeans, earlier);
  const { observations, leftOut, warnings } = collect();
  const used: Record<string, number> = {};
  for (const { kind } of observations) used[kind] = (used[kind] ?? 0) + 1;
  refuseTooLittle(traces, used, onMeans);
  const range = fitRange(fittedRecords(traces, options), observations);
  const { model, coefficients, residuals, trimmed, ...fit } = onMeans
    ? fitMeans(
        (earlier) => collect(earlier).observations,
        range,
        schedulingDelayMs(fittedRecords(traces, options)),
      )
    : options.kind === "empirical"
      ? fitEmpirical(observations, range)
      : fitPhysical(observations, range);
  if (onMeans && options.kind === "empirical")
    warnings.add("the empirical model needs the gaps: the physical model was fitted");
  for (const { of, n, rSquared } of residuals)
    if (rSquared !== undefined && rSquared < worstRSquared)
      warnings.add(
        `the model meets ${n} "${of}" worse than their mean would (R2 ${rSquared.toFixed(2)}): capture more requests, of more sizes`,
      );
  return {
    model: withConditions(model, { fittedAt: fittedSettings(traces, options) }),
    report: {
      kind: model.kind,
      range,
      used,
      leftOut: [...leftOut]
        .map(([reason, count]) => ({ reason, count }))
        .concat(fit.leftOut)
        .sort((a, b) => b.count - a.count),
      coefficients,
      residuals,
      trimmed,
      warnings: [...warnings],
    },
  };
}

/** What the traces' engines have in common, as far as they tell it; whether prefixes were found does not time a step. */
function fittedSettings(traces: readonly Trace[], options: FitOptions): Partial<EngineSettings> | undefined {
  const [first = {}, ...others] = traces.map(({ meta }) => meta.engine ?? {});
  const common = engineSettingNames.filter(
    (name) => name !== "enablePrefixCaching" && others.every((other) => other[name] === first[name]),
  );
  const settings = someEngineSettings({
    ...Object.fromEntries(common.map((name) => [name, first[name]])),
    ...(options.maxNumBatchedTokens !== undefined && { maxNumBatchedTokens: options.maxNumBatchedTokens }),
    ...(options.longPrefillTokenThreshold !== undefined && {
      longPrefillTokenThreshold: options.longPrefillTokenThreshold,
    }),
  });
  return Object.keys(settings).length > 0 ? settings : undefined;
}

function collectObservations(
  traces: readonly Trace[],
  options: FitOptions,
  onMeans: boolean,
  earlier: PhysicalFit | undefined,
): { observations: Observation[]; leftOut: Map<string, number>; warnings: Set<string> } {
  const { isFitted = () => true, hiddenPrefills = () => [] } = options;
  const observations: Observation[] = [];
  const leftOut = new Map<string, number>();
  const warnings = new Set<string>();
  let firstRun = 0;
  for (const trace of traces) {
    const isTarget = (record: TraceRecord, index: number) => isFitted(record, index, trace);
    const set = onMeans
      ? observeMeans(
          trace,
          options,
          isTarget,
          firstRun,
          earlier && { prices: earlier.step, hiddenPrefills: hiddenPrefills(earlier.model, trace) },
        )
      : observeTrace(trace, options, isTarget, firstRun);
    firstRun += trace.records.length;
    for (const observation of set.observations) observations.push(observation);
    for (const [reason, count] of set.leftOut) leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
    for (const warning of set.warnings) warnings.add(warning);
  }
  return { observations, leftOut, warnings };
}

function fittedRecords(traces: readonly Trace[], { isFitted = () => true }: FitOptions): TraceRecord[] {
  return traces.flatMap((trace) => trace.records.filter((record, i) => isFitted(record, i, trace)));
}

function refuseTooLittle(
  traces: readonly Trace[],
  used: Readonly<Record<string, number>>,
  onMeans: boolean,
): void {
  const records = traces.reduce((sum, trace) => sum + trace.records.length, 0);
  const { isolated = 0, decode = 0, span = 0 } = used;
  const missing: string[] = [];
  if (onMeans && span < leastSpans)
    missing.push(`${span} decodes with known first and last token (at least ${leastSpans} are needed)`);
  if (!onMeans && isolated < leastIsolated)
    missing.push(
      `${isolated} requests that were alone on the engine until their first token (at least ${leastIsolated} are needed: capture some at concurrency 1)`,
    );
  if (!onMeans && decode < leastDecodeGaps)
    missing.push(
      `${decode} inter-token gaps without a prefill (at least ${leastDecodeGaps} are needed: capture answers of more tokens, with their gaps)`,
    );
  if (missing.length > 0)
    throw new InputError(`fitLatency: too little to fit in ${records} records: ${missing.join("; ")}`);
}

function fitRange(records: readonly TraceRecord[], observations: readonly Observation[]): FitRange {
  const complete = records.filter(isComplete);
  return {
    uncachedTokens: extent(
      complete.map((record) => uncachedPromptTokens(record.promptTokens, record.cachedTokens ?? 0)),
    ),
    contextTokens: extent(complete.map((record) => record.promptTokens + record.outputTokens)),
    runningSeqs: extent(
      observations.map((o) => Math.round(o.load.decodeSeqs / o.steps) + (o.kind === "isolated" ? 1 : 0)),
    ),
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
