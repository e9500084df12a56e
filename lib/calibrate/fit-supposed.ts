import { mean, type Tokens } from "../base/index.js";
import {
  fitLatency,
  type IsFitted,
  type LatencyFit,
  type LatencyKind,
  wayInTakenAsZero,
} from "../fit/index.js";
import {
  type LatencyModel,
  type StepForm,
  scalePrices,
  withConditions,
  withRequestMs,
} from "../latency/index.js";
import { capturedEngine, type Replay, recomputedPrefills, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { EngineSettingName, EngineSettings } from "../settings/index.js";
import { dataParallel, type Trace } from "../trace/index.js";
import type { Candidates, Supposition } from "./candidates.js";
import { replayError } from "./replay-error.js";
import { searchFactors } from "./search-factors.js";

/** Settings of `calibrateLatency`. What is given is not tried. */
export interface CalibrateOptions {
  /** Default "physical". */
  readonly kind?: LatencyKind;
  readonly form?: StepForm;
  readonly asyncScheduling?: boolean;
  readonly maxNumBatchedTokens?: Tokens;
  readonly longPrefillTokenThreshold?: Tokens;
  /** Which records to learn from; the others only load the engine. Default: all. */
  readonly isFitted?: IsFitted;
  /** Seed of the replays, and of which records are left out. Default 1. */
  readonly seed?: number;
}

/** The options of a calibration, and what is known by now of the engine. */
export interface Fitting extends Omit<CalibrateOptions, "isFitted"> {
  readonly isFitted: IsFitted;
  readonly from: Candidates["from"];
  /** Evidence has decided about scheduling. */
  readonly isSchedulingKnown?: boolean;
}

/** A supposition must be better than the simplest by this share of its error to go before it. */
export const leastGain = 0.05;
/** Waits for a first token that a fit used, below which replays set the price of prefills. */
export const leastWaits = 8;

/**
 * A fit, and what only replays can set where it used no wait for a first token: the time of a request outside the engine's
 * steps and, without gaps, factors on the prices of prefills and of decodes.
 */
export function fitSupposed(
  workloads: readonly Workload[],
  supposed: Supposition,
  options: Fitting,
): LatencyFit {
  const fit = fitPrices(workloads, supposed, options);
  const { used, kind } = fit.report;
  if (kind !== "physical" || (used.isolated ?? 0) + (used.service ?? 0) >= leastWaits) return fit;
  const errorOf = (model: LatencyModel): number | undefined =>
    mean(
      workloads.flatMap((workload) => {
        const { trace } = workload;
        const modeled = replaySupposed(workload, model, supposed, options);
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
        ...fit.report.warnings.filter((warning) => warning !== wayInTakenAsZero),
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
        const modeled = scarce.has(trace) ? replaySupposed(workload, model, supposed, options) : undefined;
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
export function replaySupposed(
  workload: Workload,
  model: LatencyModel,
  supposed: Supposition,
  options: Fitting,
): Replay | undefined {
  if (!isReplayable(workload.trace)) return undefined;
  const { asyncScheduling } = supposed;
  const engine = { asyncScheduling, ...budgetToSay(supposed, options) };
  return replay(workload, { model, seed: options.seed ?? 1, engine });
}

/** Whether a replay can be what the trace was. */
export function isReplayable({ records }: Trace): boolean {
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
