import { commonValue } from "../base/index.js";
import { type FitReport, type LatencyFit, perEngine } from "../fit/index.js";
import { withConditions } from "../latency/index.js";
import { sessionsOf, type Workload } from "../sessions/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import { type Candidates, candidatesFor, type Supposition } from "./candidates.js";
import { type CalibrateOptions, type Fitting, fitSupposed, replaySupposed } from "./fit-supposed.js";
import { compareStatistics, type StatisticCell } from "./replay-error.js";
import { type SchedulingEvidence, schedulingEvidence } from "./scheduling-evidence.js";
import { choose, combine, isSame, type TriedSupposition, trySuppositions } from "./try-suppositions.js";

/** A fit, what it supposes of the engine, and why. */
export interface Calibration extends LatencyFit {
  readonly supposed: Supposition;
  readonly from: Candidates["from"];
  /** Undefined where scheduling was told, or nothing but replays could decide. */
  readonly scheduling?: SchedulingEvidence;
  /** What was tried by replaying, the simplest first; empty where nothing was open, or nothing could be replayed. */
  readonly tried: readonly TriedSupposition[];
  /** Per trace of one engine: the records that were fitted on beside a replay with the model. Empty for a trace that cannot be replayed. */
  readonly inSample: readonly (readonly StatisticCell[])[];
}

/** Suppositions whose errors differ by less than this share of them are not told apart. */
const leastDifference = 0.01;
/** Relative error of a median in sample above which a fit is said not to describe its own data. */
const worstInSample = 0.25;

/**
 * Fits a latency model, on captures of fleets by replica, and decides what the traces do not tell of their engine. Whether it schedules asynchronously shows in
 * how many step ends requests see pass before their own (`stepsWaited` of the judge room), or, without gaps, in the time from
 * scheduled to first token. How the parts of a step add up, the token budget, and scheduling where nothing shows it, are decided by
 * replaying: each supposition is fitted on three of four records and scored on replays of the whole traces by the fourth;
 * the simplest (a sum, the usual budget, synchronous) stays unless another is better by 5 % of its error. Where KV blocks were
 * scarce, prefills that preempted requests had to repeat are taken from a replay between the rounds of a fit on means.
 * @throws InputError as `fitLatency`
 * @example
 * ```ts
 * import { readCaptures } from "prefixlab";
 * import { calibrateLatency } from "prefixlab/calibrate";
 * const { model, supposed, from } = calibrateLatency(await readCaptures({ role: "fit" }));
 * [supposed.form.combine, supposed.asyncScheduling, from.asyncScheduling]; // → ["sum", false, "fitted"]
 * ```
 */
export function calibrateLatency(captures: readonly Trace[], options: CalibrateOptions = {}): Calibration {
  const { traces, isFitted, leftOut: ofNoEngine } = perEngine(captures, options.isFitted);
  const workloads = traces.map((trace): Workload => ({ trace, sessions: sessionsOf(trace) }));
  const candidates = candidatesFor(traces, options);
  const fitting: Fitting = { ...options, isFitted, from: candidates.from };
  const { forms, budgets, asyncScheduling } = candidates;
  // The budget first, since without it no step is what it seems; then scheduling; then the form.
  const ofBudgets = combine([forms[0]], asyncScheduling, budgets);
  const triedBudgets = budgets.length < 2 ? [] : trySuppositions(workloads, ofBudgets, fitting);
  const { maxNumBatchedTokens } = choose(ofBudgets, triedBudgets);
  const scheduling = schedulingEvidence(
    workloads,
    { ...candidates, budgets: [maxNumBatchedTokens] },
    fitting,
  );
  const schedulings = scheduling ? [scheduling.asynchronous < scheduling.synchronous] : asyncScheduling;
  const list = combine(forms, schedulings, [maxNumBatchedTokens]);
  const informed: Fitting = { ...fitting, isSchedulingKnown: scheduling !== undefined };
  // Evidence about scheduling changes how a fit on means reads its times; without it what was tried stands.
  const triedForms = trySuppositions(workloads, list, informed, scheduling ? [] : triedBudgets);
  const tried = [...triedBudgets, ...triedForms.filter((t) => !triedBudgets.some((b) => isSame(b, t)))];
  const supposed = choose(list, triedForms);
  const from = decidedBy(candidates, tried, scheduling);
  const fit = fitSupposed(workloads, supposed, { ...informed, from });
  const inSample = workloads.map((workload) => {
    const { trace } = workload;
    const modeled = replaySupposed(workload, fit.model, supposed, { ...fitting, from });
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
    report: {
      ...report,
      leftOut: [...report.leftOut, ...ofNoEngine],
      warnings: [...report.warnings, ...inSampleWarnings(inSample)],
    },
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
