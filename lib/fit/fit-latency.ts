import { commonValue, InputError, requireFinite, requireInteger, type Tokens } from "../base/index.js";
import { depthRatio } from "../hardware/index.js";
import type { FitRange, LatencyModel, StepForm } from "../latency/index.js";
import { withConditions } from "../latency/index.js";
import { type EngineSettings, engineSettingNames, someEngineSettings } from "../settings/index.js";
import { dataParallel, engineCount, isComplete, type Trace, type TraceRecord } from "../trace/index.js";
import { fitEmpirical } from "./fit-empirical.js";
import { fitMeans, schedulingDelayMs } from "./fit-means.js";
import { fitPhysical, type PhysicalFit } from "./fit-physical.js";
import type { FitReport } from "./fit-report.js";
import { leastIsolated } from "./isolated-observations.js";
import type { ModelFit } from "./model-fit.js";
import type { Observation } from "./observation.js";
import { observeTrace } from "./observations.js";
import { observeMeans } from "./observe-means.js";
import { type IsFitted, perEngine } from "./per-engine.js";
import { uncachedPromptTokens } from "./prefill-chunks.js";
import type { PrefillStep } from "./prefill-steps.js";
import { shapeOfTraces } from "./shape-of-traces.js";
import { decodeSpan } from "./token-flow.js";

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
  readonly isFitted?: IsFitted;
  /**
   * With mean gaps only: prefills that the trace does not show, such as recomputing after preemptions where KV blocks
   * are scarce. Asked once a round with the model so far, so that a simulation can answer. Default: none.
   */
  readonly hiddenPrefills?: (model: LatencyModel, trace: Trace) => readonly PrefillStep[];
  /** With mean gaps only: whether the engine schedules a step ahead. Default: whichever fits better. */
  readonly schedulesAhead?: boolean;
  /** How the parts of a step add up in the physical model. Default: a sum. */
  readonly form?: StepForm;
  /**
   * Price of a prompt token's attention to one token before it, over the price of the token itself, where the traces do
   * not tell them apart. Default: that of the model that they name, if it is known, else 4e-5.
   */
  readonly depthRatio?: number;
}

/** A fitted model and what it rests on. */
export interface LatencyFit {
  readonly model: LatencyModel;
  readonly report: FitReport;
}

/** What a fit warns of where no TTFT tells the way to the scheduler. */
export const wayInTakenAsZero =
  "no request is known to have found the engine idle: the time outside the engine's steps is taken as 0 (capture some at concurrency 1)";
/** Decode gaps below which a fit is refused. */
const leastDecodeGaps = 50;
/** Gaps with a prefill below which a fit without isolated TTFTs is refused: prefills would have no price. */
const leastChunkGaps = 20;
/** Decodes of known length, without their gaps, below which a fit is refused. */
const leastSpans = 30;
/** Share of decodes without their gaps above which all of a trace's decodes are used by their means. */
const mostMeans = 0.05;
/** Explained variance below which a fit warns that it says nothing of a kind of observation. */
const worstRSquared = -0.1;

/**
 * Fits a latency model on traces of one engine, or of a fleet of such, which are split by replica. Traces with per-token gaps are used by the engine's steps, those where
 * more than 5 % of decodes are without by the mean gaps of whole decodes, which give no noise and serve the physical model only; TTFTs count where a request
 * found the engine idle.
 * @throws InputError when the traces hold too little to fit on, saying what is missing
 * @example
 * ```ts
 * import { fitLatency, readCaptures } from "prefixlab";
 * const { model, report } = fitLatency(await readCaptures({ role: "fit" }));
 * model.kind; // → "physical"
 * model.range.uncachedTokens; // → [16, 2048]
 * ```
 */
export function fitLatency(captures: readonly Trace[], given: FitOptions = {}): LatencyFit {
  const { traces, isFitted, leftOut: ofNoEngine } = perEngine(captures, given.isFitted);
  const options = { ...given, isFitted };
  if (options.maxNumBatchedTokens !== undefined)
    requireInteger("fitLatency", "maxNumBatchedTokens", options.maxNumBatchedTokens, 1);
  for (const trace of traces) refuseOtherEngine(trace);
  const sources = traces.map((trace): Source => ({ trace, hasGaps: hasGaps(trace) }));
  const onMeans = sources.some(({ trace, hasGaps }) => !hasGaps && hasMeans(trace));
  const collect = (earlier?: PhysicalFit) => collectObservations(sources, options, earlier);
  const { leftOut, warnings, ...collected } = collect();
  const used = countKinds(collected.observations);
  refuseTooLittle(traces, used, onMeans);
  const hasIsolated = (used.isolated ?? 0) >= leastIsolated;
  const withoutFew = (observations: readonly Observation[]): readonly Observation[] =>
    hasIsolated ? observations : observations.filter(({ kind }) => kind !== "isolated");
  if (!hasIsolated && used.isolated !== undefined) {
    leftOut.set(
      `TTFT of a request that found the engine idle: fewer than ${leastIsolated} of them`,
      used.isolated,
    );
    delete used.isolated;
  }
  const observations = withoutFew(collected.observations);
  const records = fittedRecords(traces, options);
  const range = fitRange(records, observations);
  const ratio = knownDepthRatio(traces, options);
  const physical = {
    ...(options.form && { form: options.form }),
    ...(ratio !== undefined && { depthRatio: ratio }),
    // Sums over many steps under load: what they seem to tell of depth is a fit of something else.
    pinsDepth: onMeans && ratio !== undefined,
    knownRequestMs: hasIsolated ? 0 : schedulingDelayMs(records),
  };
  const isEmpirical = options.kind === "empirical" && (used.decode ?? 0) >= leastDecodeGaps && hasIsolated;
  const {
    model,
    coefficients,
    residuals,
    trimmed,
    form,
    openPrices,
    pinnedDepthRatio,
    scheduling,
    ...fit
  }: ModelFit = isEmpirical
    ? fitEmpirical(observations, range)
    : onMeans
      ? fitMeans((earlier) => withoutFew(collect(earlier).observations), range, {
          ...physical,
          ...(options.schedulesAhead !== undefined && { schedulesAhead: options.schedulesAhead }),
        })
      : fitPhysical(observations, range, physical);
  if (options.kind === "empirical" && !isEmpirical)
    warnings.add(
      `the empirical model needs ${onMeans ? "the gaps" : "requests alone on the engine"}: the physical model was fitted`,
    );
  if (!hasIsolated && !onMeans) warnings.add(wayInTakenAsZero);
  if (pinnedDepthRatio !== undefined) warnings.add(depthNote(openPrices, pinnedDepthRatio, ratio));
  for (const { of, n, rSquared } of residuals)
    if (rSquared !== undefined && rSquared < worstRSquared)
      warnings.add(
        `the model meets ${n} "${of}" worse than their mean would (R2 ${rSquared.toFixed(2)}): capture more requests, of more sizes`,
      );
  return {
    model: withConditions(model, { fittedAt: fittedSettings(traces, options) }),
    report: {
      kind: model.kind,
      ...(form && { form }),
      ...(scheduling && { scheduling }),
      range,
      used,
      leftOut: [...leftOut]
        .map(([reason, count]) => ({ reason, count }))
        .concat(fit.leftOut, ofNoEngine)
        .sort((a, b) => b.count - a.count),
      coefficients,
      residuals,
      trimmed,
      warnings: [...warnings],
    },
  };
}

/**
 * Refuses a trace whose settings are not those of the engine behind it: gaps of several engines do not make one step clock,
 * and more requests than the seats cannot decode at once.
 */
function refuseOtherEngine(trace: Trace): void {
  const { ranks } = dataParallel(trace.meta);
  if (engineCount(trace.meta) > 1 && hasGaps(trace))
    throw new InputError(
      `fitLatency: the trace has the gaps of ${ranks} data-parallel ranks, each an engine of its own, and does not tell which served a request: capture one rank alone, or keep mean gaps only`,
    );
  const { maxNumSeqs } = trace.meta.engine ?? {};
  if (maxNumSeqs === undefined) return;
  const seats = ranks * maxNumSeqs;
  const most = mostDecodingAtOnce(trace.records);
  // Client-side clocks let one request's end and another's beginning overlap a little.
  if (most > 1.1 * seats + 2)
    throw new InputError(
      `fitLatency: ${most} requests decoded at once, but the trace says max_num_seqs ${maxNumSeqs}${ranks > 1 ? ` on ${ranks} data-parallel ranks` : ""}: it is of more engines than it tells (data_parallel_size), or its max_num_seqs is not the engine's; correct its meta line`,
    );
}

function mostDecodingAtOnce(records: readonly TraceRecord[]): number {
  const spans = records.flatMap((record) => decodeSpan(record) ?? []);
  const starts = Float64Array.from(spans, (span) => span.firstTokenMs).sort();
  const ends = Float64Array.from(spans, (span) => span.lastTokenMs).sort();
  let most = 0;
  let ended = 0;
  for (let begun = 0; begun < starts.length; begun++) {
    while (ends[ended] <= starts[begun]) ended++;
    most = Math.max(most, begun + 1 - ended);
  }
  return most;
}

/** A trace, and whether it is used by its gaps or by their means. */
interface Source {
  readonly trace: Trace;
  readonly hasGaps: boolean;
}

/**
 * Whether the gaps make a clock of the engine's steps. Every step with a request in it whose tokens were not timed is in doubt:
 * with one in ten of them, of 16 at once, only the gaps of low load are left.
 */
function hasGaps({ records }: Trace): boolean {
  const withGaps = records.filter(({ itlMs }) => itlMs !== undefined).length;
  const withMeans = records.filter(({ itlMs, itlSummary }) => !itlMs && itlSummary).length;
  return withGaps > 0 && withMeans <= mostMeans * (withGaps + withMeans);
}

function hasMeans(trace: Trace): boolean {
  return trace.records.some((record) => record.itlSummary !== undefined);
}

function countKinds(observations: readonly Observation[]): Record<string, number> {
  const used: Record<string, number> = {};
  for (const { kind } of observations) used[kind] = (used[kind] ?? 0) + 1;
  return used;
}

/** The ratio that is given, else that of the model that all traces name, if it is known. */
function knownDepthRatio(traces: readonly Trace[], { depthRatio: given }: FitOptions): number | undefined {
  if (given !== undefined) return requireFinite("fitLatency", "depthRatio", given, 0);
  const shape = shapeOfTraces(traces);
  return shape && depthRatio(shape);
}

/** Which prices of a prefill the traces leave open, and what decided. */
function depthNote(
  openPrices: readonly string[] | undefined,
  pinned: number,
  known: number | undefined,
): string {
  const ratio = Number(pinned.toPrecision(3));
  const source =
    known === undefined
      ? `${ratio} of a prompt token's price is assumed for its depth, as in a dense model of 8 billion parameters`
      : `depth is priced at ${ratio} of a prompt token, by the model's FLOPs`;
  return openPrices
    ? `prompts of one size, or of sizes that rise together, do not tell apart ${openPrices.join(", ")}: ${source}, and what is left goes to the tokens; prompts of other sizes rest on that`
    : source;
}

/** What the traces' engines have in common, as far as they tell it; whether prefixes were found does not time a step. */
function fittedSettings(traces: readonly Trace[], options: FitOptions): Partial<EngineSettings> | undefined {
  const common = engineSettingNames.flatMap((name) => {
    const value = commonValue(traces.map(({ meta }) => meta.engine?.[name]));
    return name === "enablePrefixCaching" ? [] : [[name, value]];
  });
  const settings = someEngineSettings({
    ...Object.fromEntries(common),
    ...(options.maxNumBatchedTokens !== undefined && { maxNumBatchedTokens: options.maxNumBatchedTokens }),
    ...(options.longPrefillTokenThreshold !== undefined && {
      longPrefillTokenThreshold: options.longPrefillTokenThreshold,
    }),
  });
  return Object.keys(settings).length > 0 ? settings : undefined;
}

function collectObservations(
  sources: readonly Source[],
  options: FitOptions,
  earlier: PhysicalFit | undefined,
): { observations: Observation[]; leftOut: Map<string, number>; warnings: Set<string> } {
  const { isFitted = () => true, hiddenPrefills = () => [] } = options;
  const observations: Observation[] = [];
  const leftOut = new Map<string, number>();
  const warnings = new Set<string>();
  let firstRun = 0;
  for (const { trace, hasGaps } of sources) {
    const isTarget = (record: TraceRecord, index: number) => isFitted(record, index, trace);
    const set =
      hasGaps || !hasMeans(trace)
        ? observeTrace(trace, options, isTarget, firstRun)
        : observeMeans(
            trace,
            options,
            isTarget,
            firstRun,
            earlier && {
              prices: earlier.step,
              form: earlier.form,
              hiddenPrefills: hiddenPrefills(earlier.model, trace),
            },
          );
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
  const { isolated = 0, decode = 0, chunk = 0, span = 0 } = used;
  const missing: string[] = [];
  if (onMeans && span < leastSpans && decode < leastDecodeGaps)
    missing.push(`${span} decodes with known first and last token (at least ${leastSpans} are needed)`);
  if (!onMeans && isolated < leastIsolated && chunk < leastChunkGaps)
    missing.push(
      `${isolated} requests that were alone on the engine until their first token (at least ${leastIsolated} are needed: capture some at concurrency 1) and ${chunk} inter-token gaps with a prefill (or at least ${leastChunkGaps} of these)`,
    );
  if (!onMeans && decode < leastDecodeGaps)
    missing.push(
      `${decode} inter-token gaps without a prefill (at least ${leastDecodeGaps} are needed: capture answers of more tokens, with their gaps)`,
    );
  const unplaced = traces.reduce(
    (sum, trace) => sum + trace.records.filter(({ arrivalMs }) => arrivalMs === undefined).length,
    0,
  );
  if (missing.length > 0 && unplaced > 0)
    missing.push(
      `${unplaced} records have no arrival_ms, without which their gaps and TTFTs cannot be told by the engine's steps`,
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
