import { commonValue, InputError, mean, stream, type Tokens } from "../base/index.js";
import { type FitReport, fitLatency, type LatencyFit, type LatencyKind } from "../fit/index.js";
import { pooledStepsWaited } from "../judge/index.js";
import {
  type LatencyModel,
  type StepForm,
  scalePrices,
  withConditions,
  withRequestMs,
} from "../latency/index.js";
import { capturedEngine, recomputedPrefills, replay } from "../replay/index.js";
import { sessionsOf, type Workload } from "../sessions/index.js";
import type { EngineSettingName, EngineSettings } from "../settings/index.js";
import { dataParallel, type Trace, type TraceRecord } from "../trace/index.js";
import { type Candidates, candidatesFor, type Supposition } from "./candidates.js";
import { compareStatistics, replayError, type StatisticCell } from "./replay-error.js";
import { searchFactors } from "./search-factors.js";

/** Settings of {@link calibrateLatency}. What is given is not tried. */
export interface CalibrateOptions {
  /** Default "physical". */
  readonly kind?: LatencyKind;
  readonly form?: StepForm;
  readonly asyncScheduling?: boolean;
  readonly maxNumBatchedTokens?: Tokens;
  readonly longPrefillTokenThreshold?: Tokens;
  /** Which records to learn from; the others only load the engine. Default: all. */
  readonly isFitted?: (record: TraceRecord, index: number, trace: Trace) => boolean;
  /** Seed of the replays, and of which records are left out. Default 1. */
  readonly seed?: number;
}

/** A supposition, and how far replays with it were from what its fit had not seen. */
export interface TriedSupposition extends Supposition {
  /** Mean |log(modeled / captured)| over quantiles of TTFT and TPOT of the records left out of the fit: 0.05 is about 5 %. */
  readonly heldOutError: number;
}

/** What decided about asynchronous scheduling, apart from how well replays do. */
export interface SchedulingEvidence {
  /**
   * "steps waited": step ends that requests saw pass, captured against replays of either kind. "scheduled to first token": the
   * spread of what the fit leaves of that time, read as one step or as two.
   */
  readonly by: "steps waited" | "scheduled to first token";
  /** How far each kind is from the captures; the nearer one is supposed. */
  readonly synchronous: number;
  readonly asynchronous: number;
}

/** A fit, what it supposes of the engine, and why. */
export interface Calibration extends LatencyFit {
  readonly supposed: Supposition;
  readonly from: Candidates["from"];
  /** Undefined where scheduling was told, or nothing but replays could decide. */
  readonly scheduling?: SchedulingEvidence;
  /** What was tried by replaying, the simplest first; empty where nothing was open, or nothing could be replayed. */
  readonly tried: readonly TriedSupposition[];
  /** Per trace: the records that were fitted on beside a replay with the model. Empty for a trace that cannot be replayed. */
  readonly inSample: readonly (readonly StatisticCell[])[];
}

/** Of the fitted records, one in four is left out while forms are tried. */
const heldOutEvery = 4;
/** A supposition must be better than the simplest by this share of its error to go before it. */
const leastGain = 0.05;
/** Suppositions whose errors differ by less than this share of them are not told apart. */
const leastDifference = 0.01;
/** Requests whose steps could be counted, below which the count decides nothing. */
const leastCounted = 10;
/** Waits for a first token that a fit used, below which replays set the price of prefills. */
const leastWaits = 8;
/** One spread over the other below which it decides. */
const clearlyLess = 0.8;
/** Steps off the captured count from which neither kind of scheduling explains it. */
const mostStepsOff = 0.5;
/** Relative error of a median in sample above which a fit is said not to describe its own data. */
const worstInSample = 0.25;

/**
 * Fits a latency model and decides what the traces do not tell of their engine. Whether it schedules asynchronously shows in
 * how many step ends requests see pass before their own (`stepsWaited` of the judge room), or, without gaps, in the time from scheduled
 * to first token. How the parts of a step add up, the token budget, and scheduling where nothing shows it, are decided by
 * replaying: each supposition is fitted on three of four records and scored on replays of the whole traces by the fourth;
 * the simplest (a sum, the least budget, synchronous) stays unless another is better by 5 % of its error. Where KV blocks were
 * scarce, prefills that preempted requests had to repeat are taken from a replay between the rounds of a fit on means.
 * @throws InputError as {@link fitLatency}
 * @example
 * ```ts
 * import { readCaptures } from "prefixlab";
 * import { calibrateLatency } from "prefixlab/calibrate";
 * const { model, supposed, from } = calibrateLatency(await readCaptures({ role: "fit" }));
 * [supposed.form.combine, supposed.asyncScheduling, from.asyncScheduling]; // → ["sum", false, "fitted"]
 * ```
 */
export function calibrateLatency(traces: readonly Trace[], options: CalibrateOptions = {}): Calibration {
  const workloads = traces.map((trace): Workload => ({ trace, sessions: sessionsOf(trace) }));
  const candidates = candidatesFor(traces, options);
  const isFitted = options.isFitted ?? (() => true);
  const fitting: Fitting = { ...options, isFitted, from: candidates.from };
  const { forms, budgets, asyncScheduling } = candidates;
  // The budget first, since without it no step is what it seems; then scheduling; then the form.
  const triedBudgets =
    budgets.length < 2 ? [] : tryAll(workloads, combine([forms[0]], asyncScheduling, budgets), fitting);
  const { maxNumBatchedTokens } = choose(combine([forms[0]], asyncScheduling, budgets), triedBudgets);
  const scheduling = schedulingEvidence(
    workloads,
    { ...candidates, budgets: [maxNumBatchedTokens] },
    fitting,
  );
  const schedulings = scheduling ? [scheduling.asynchronous < scheduling.synchronous] : asyncScheduling;
  const list = combine(forms, schedulings, [maxNumBatchedTokens]);
  const informed: Fitting = { ...fitting, isSchedulingKnown: scheduling !== undefined };
  const triedForms = tryAll(workloads, list, informed);
  const tried = [...triedBudgets, ...triedForms.filter((t) => !triedBudgets.some((b) => isSame(b, t)))];
  const supposed = choose(list, triedForms);
  const from = decidedBy(candidates, tried, scheduling);
  const fit = fitWith(workloads, supposed, { ...informed, from });
  const inSample = workloads.map((workload) => {
    const { trace } = workload;
    const modeled = replayWith(workload, fit.model, supposed, { ...fitting, from });
    if (!modeled) return [];
    const fitted = (_: TraceRecord, i: number) => isFitted(trace.records[i], i, trace);
    return compareStatistics(trace.records.filter(fitted), modeled.trace.records.filter(fitted));
  });
  const { model, report } = fit;
  return {
    model: withConditions(model, {
      fittedAt: model.fittedAt,
      evidence: {
        ...engineOf(traces),
        inSample: inSample.map((cells) =>
          cells.map(({ quantity, statistic, error }) => ({ quantity, statistic, error: rounded(error) })),
        ),
        residuals: report.residuals.map(({ of, n, relative: { p05, p50, p95 } }) => ({
          of,
          n,
          p05: rounded(p05),
          p50: rounded(p50),
          p95: rounded(p95),
        })),
      },
    }),
    report: { ...report, warnings: [...report.warnings, ...inSampleWarnings(inSample)] },
    supposed,
    from,
    ...(scheduling && { scheduling }),
    tried,
    inSample,
  };
}

/** Where each part is from in the end: what was open and could not be tried, or made no difference, is assumed. */
function decidedBy(
  { from }: Candidates,
  tried: readonly TriedSupposition[],
  scheduling: SchedulingEvidence | undefined,
): Candidates["from"] {
  const isShown = (part: keyof Supposition) =>
    tried.some((a) =>
      tried.some(
        (b) =>
          isSame(a, { ...b, [part]: a[part] }) &&
          Math.abs(a.heldOutError - b.heldOutError) > leastDifference * a.heldOutError,
      ),
    );
  const of = (part: keyof Supposition) =>
    from[part] === "fitted" && !isShown(part) ? "assumed" : from[part];
  return {
    form: of("form"),
    asyncScheduling: scheduling ? "fitted" : of("asyncScheduling"),
    maxNumBatchedTokens: of("maxNumBatchedTokens"),
  };
}

/** Every combination, the simplest of each first. */
function combine(
  forms: readonly StepForm[],
  schedulings: readonly boolean[],
  budgets: readonly Tokens[],
): Supposition[] {
  return budgets.flatMap((maxNumBatchedTokens) =>
    forms.flatMap((form) =>
      schedulings.map((asyncScheduling) => ({ form, asyncScheduling, maxNumBatchedTokens })),
    ),
  );
}

interface Fitting extends Omit<CalibrateOptions, "isFitted"> {
  readonly isFitted: (record: TraceRecord, index: number, trace: Trace) => boolean;
  readonly from: Candidates["from"];
  /** Evidence has decided about scheduling. */
  readonly isSchedulingKnown?: boolean;
}

function schedulingEvidence(
  workloads: readonly Workload[],
  { forms, budgets, asyncScheduling }: Candidates,
  options: Fitting,
): SchedulingEvidence | undefined {
  if (asyncScheduling.length < 2) return undefined;
  const draft: Supposition = { form: forms[0], maxNumBatchedTokens: budgets[0], asyncScheduling: false };
  const { model, report } = fitWith(workloads, draft, options);
  const [budget] = budgets;
  const counted = [
    pooledStepsWaited(
      workloads.map(({ trace }) => trace),
      budget,
    ),
    ...asyncScheduling.map((isAsync) =>
      pooledStepsWaited(
        workloads.flatMap(
          (workload) =>
            replayWith(workload, model, { ...draft, asyncScheduling: isAsync }, options)?.trace ?? [],
        ),
        budget,
      ),
    ),
  ];
  const [captured, ...modeled] = counted;
  const [synchronous, asynchronous] = modeled.map((steps) => Math.abs(steps.mean - captured.mean));
  // Without lone requests the way to the scheduler is not known, and passes for a step that was waited.
  const knowsPath = (report.used.isolated ?? 0) >= leastWaits;
  if (
    knowsPath &&
    counted.every(({ n }) => n >= leastCounted) &&
    Math.min(synchronous, asynchronous) < mostStepsOff
  )
    return { by: "steps waited", synchronous, asynchronous };
  if (!report.scheduling) return undefined;
  const { inStep, ahead } = report.scheduling;
  return Math.min(inStep, ahead) < clearlyLess * Math.max(inStep, ahead)
    ? { by: "scheduled to first token", synchronous: inStep, asynchronous: ahead }
    : undefined;
}

function tryAll(
  workloads: readonly Workload[],
  list: readonly Supposition[],
  options: Fitting,
): TriedSupposition[] {
  if (list.length < 2 || !workloads.some(({ trace }) => isReplayable(trace))) return [];
  const longest = workloads.reduce((most, { trace }) => Math.max(most, trace.records.length), 0);
  const heldOut = leftOut(longest, options.seed ?? 1);
  const isHeldOut = (index: number) => heldOut[index];
  return list.flatMap((supposition): TriedSupposition[] => {
    const fit = tryFit(workloads, supposition, {
      ...options,
      isFitted: (record, i, trace) => !isHeldOut(i) && options.isFitted(record, i, trace),
    });
    if (!fit) return [];
    let sum = 0;
    let weight = 0;
    for (const workload of workloads) {
      const { trace } = workload;
      const modeled = replayWith(workload, fit.model, supposition, options);
      const isScored = (i: number) => isHeldOut(i) && options.isFitted(trace.records[i], i, trace);
      const scored = modeled && replayError(trace, modeled.trace, isScored);
      if (!scored) continue;
      sum += scored.error * scored.n;
      weight += scored.n;
    }
    return weight === 0 ? [] : [{ ...supposition, heldOutError: sum / weight }];
  });
}

/**
 * One record of every four in turn, which of them is drawn: always the last of four would be the last in the queue of a
 * client that keeps four in flight.
 */
function leftOut(records: number, seed: number): boolean[] {
  const draws = stream(seed, "left out");
  const which = Array.from({ length: Math.ceil(records / heldOutEvery) }, () => draws.integer(heldOutEvery));
  return Array.from({ length: records }, (_, i) => i % heldOutEvery === which[Math.floor(i / heldOutEvery)]);
}

/** A fit on three quarters of little data may lack what the whole has: then it is not tried. */
function tryFit(
  workloads: readonly Workload[],
  supposed: Supposition,
  options: Fitting,
): LatencyFit | undefined {
  try {
    return fitWith(workloads, supposed, options);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The simplest, which comes first, than which none is clearly nearer; where nothing could be tried, the first of all. */
function choose(list: readonly Supposition[], tried: readonly TriedSupposition[]): Supposition {
  const errorOf = (supposition: Supposition) =>
    tried.find((t) => isSame(t, supposition))?.heldOutError ?? Number.POSITIVE_INFINITY;
  const least = Math.min(...list.map(errorOf));
  return list.find((supposition) => (1 - leastGain) * errorOf(supposition) <= least) ?? list[0];
}

function isSame(a: Supposition, b: Supposition): boolean {
  return (
    a.form === b.form &&
    a.asyncScheduling === b.asyncScheduling &&
    a.maxNumBatchedTokens === b.maxNumBatchedTokens
  );
}

/**
 * A fit, and what only replays can set where it used no wait for a first token: the time of a request outside the engine's
 * steps and, without gaps, factors on the prices of prefills and of decodes.
 */
function fitWith(workloads: readonly Workload[], supposed: Supposition, options: Fitting): LatencyFit {
  const fit = fitPrices(workloads, supposed, options);
  const { used, kind } = fit.report;
  if (kind !== "physical" || (used.isolated ?? 0) + (used.service ?? 0) >= leastWaits) return fit;
  const errorOf = (model: LatencyModel): number | undefined =>
    mean(
      workloads.flatMap((workload) => {
        const { trace } = workload;
        const modeled = replayWith(workload, model, supposed, options);
        const isScored = (i: number) => options.isFitted(trace.records[i], i, trace);
        return (modeled && replayError(trace, modeled.trace, isScored)?.error) ?? [];
      }),
    );
  const wayIn = withWayIn(fit, errorOf);
  return used.chunk === undefined ? withFactors(wayIn, errorOf) : wayIn;
}

/** Times of a request outside the engine's steps that are tried, ms. */
const triedRequestMs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100];

function withWayIn(fit: LatencyFit, errorOf: (model: LatencyModel) => number | undefined): LatencyFit {
  const tried = triedRequestMs.flatMap((requestMs) => {
    const model = withRequestMs(fit.model, requestMs);
    const error = errorOf(model);
    return error === undefined ? [] : [{ model, requestMs, error }];
  });
  if (tried.length === 0) return fit;
  const leastError = Math.min(...tried.map(({ error }) => error));
  // The shortest of those that do about as well: what is more is not needed to explain the waits.
  const best = tried.find(({ error }) => error <= (1 + leastGain) * leastError)!;
  return {
    model: best.model,
    report: {
      ...fit.report,
      coefficients: fit.report.coefficients.map((c) =>
        c.name === "request_ms" ? { ...c, value: best.requestMs } : c,
      ),
      warnings: [
        ...fit.report.warnings.filter((warning) => !/is taken as 0/.test(warning)),
        `no request is known to have found the engine idle: request_ms is ${best.requestMs} ms, with which replays meet the TTFTs and TPOTs under load best (${percent(best.error)} off)`,
      ],
    },
  };
}

function withFactors(fit: LatencyFit, errorOf: (model: LatencyModel) => number | undefined): LatencyFit {
  const found = searchFactors((factors) => errorOf(scalePrices(fit.model, factors)));
  if (!found) return fit;
  const { prefill, decode } = found.factors;
  return {
    model: scalePrices(fit.model, found.factors),
    report: {
      ...fit.report,
      coefficients: fit.report.coefficients.map((c) =>
        c.name.startsWith("prefill_")
          ? { ...c, value: prefill * c.value }
          : /^(step|decode|expert)_/.test(c.name)
            ? { ...c, value: decode * c.value }
            : c,
      ),
      warnings: [
        ...fit.report.warnings,
        `no TTFT could be used by itself: prices of prefills were multiplied by ${prefill.toFixed(2)} and of decodes by ${decode.toFixed(2)}, so that replays meet the TTFTs and TPOTs under load (${percent(found.error)} off)`,
      ],
    },
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function fitPrices(workloads: readonly Workload[], supposed: Supposition, options: Fitting): LatencyFit {
  const { kind, longPrefillTokenThreshold, isFitted, from } = options;
  // Whose blocks were scarce: the others have nothing to compute again, in any round.
  const scarce = new Set(workloads.map(({ trace }) => trace));
  const fit = fitLatency(
    workloads.map(({ trace }) => trace),
    {
      ...(kind && { kind }),
      ...(longPrefillTokenThreshold !== undefined && { longPrefillTokenThreshold }),
      form: supposed.form,
      ...((options.isSchedulingKnown ||
        from.asyncScheduling === "given" ||
        from.asyncScheduling === "captured") && {
        schedulesAhead: supposed.asyncScheduling,
      }),
      ...budgetToSay(supposed, options),
      isFitted,
      hiddenPrefills: (model, trace) => {
        const workload = workloads.find((w) => w.trace === trace) as Workload;
        const modeled = scarce.has(trace) ? replayWith(workload, model, supposed, options) : undefined;
        if (!modeled || modeled.run.preemptions > 0) return modeled ? recomputedPrefills(modeled) : [];
        scarce.delete(trace);
        return [];
      },
    },
  );
  const { asyncScheduling } = supposed;
  const { fittedAt } = fit.model;
  const known = {
    ...fittedAt,
    ...ranksAsOne(workloads[0], fittedAt),
    ...(from.asyncScheduling !== "assumed" && { asyncScheduling }),
  };
  return {
    ...fit,
    model: withConditions(fit.model, { fittedAt: Object.keys(known).length > 0 ? known : undefined }),
  };
}

/** Data-parallel ranks that are replayed as one engine were fitted as one: its settings, as far as the fit names any. */
function ranksAsOne(
  workload: Workload | undefined,
  fittedAt: Partial<EngineSettings> = {},
): Partial<EngineSettings> {
  if (!workload || !dataParallel(workload.trace.meta).isLockstep) return {};
  const engine = capturedEngine(workload.trace.meta);
  const names = Object.keys(fittedAt) as EngineSettingName[];
  return Object.fromEntries(names.flatMap((name) => (name in engine ? [[name, engine[name]]] : [])));
}

/** Undefined where a trace has no arrivals, or tells tokens that were cached and not with whom they were shared. */
function replayWith(workload: Workload, model: LatencyModel, supposed: Supposition, options: Fitting) {
  if (!isReplayable(workload.trace)) return undefined;
  const { asyncScheduling } = supposed;
  const engine = { asyncScheduling, ...budgetToSay(supposed, options) };
  return replay(workload, { model, seed: options.seed ?? 1, engine });
}

function isReplayable({ records }: Trace): boolean {
  const sharesUnseen =
    records.some(({ cachedTokens = 0 }) => cachedTokens > 0) &&
    records.every(({ blockIds }) => blockIds === undefined);
  return !sharesUnseen && records.every(({ arrivalMs }) => arrivalMs !== undefined);
}

/** A budget that the traces tell, or that is only assumed, is left to the fit and the replay, which say so. */
function budgetToSay(
  { maxNumBatchedTokens }: Supposition,
  { from }: Fitting,
): Partial<Pick<Supposition, "maxNumBatchedTokens">> {
  const origin = from.maxNumBatchedTokens;
  return origin === "given" || origin === "fitted" ? { maxNumBatchedTokens } : {};
}

/** Engine and version that all traces tell alike. */
function engineOf(traces: readonly Trace[]): { engine?: string; engineVersion?: string } {
  const common = (key: string): string | undefined => {
    const value = commonValue(traces.map(({ meta }) => meta.extra[key]));
    return typeof value === "string" ? value : undefined;
  };
  const [engine, engineVersion] = [common("engine"), common("engine_version")];
  return { ...(engine !== undefined && { engine }), ...(engineVersion !== undefined && { engineVersion }) };
}

function rounded(share: number): number {
  return Math.round(share * 1e4) / 1e4;
}

function inSampleWarnings(inSample: Calibration["inSample"]): FitReport["warnings"] {
  return inSample.flatMap((cells) =>
    cells.flatMap(({ quantity, statistic, error, capturedMs, modeledMs }) =>
      statistic === "p50" && Math.abs(error) > worstInSample
        ? [
            `replayed with this model, the data that it was fitted on have a ${quantity.toUpperCase()} p50 of ${modeledMs.toPrecision(3)} ms instead of ${capturedMs.toPrecision(3)} ms: it does not describe them, and its predictions rest on nothing`,
          ]
        : [],
    ),
  );
}
