import { type Ms, quantileSorted } from "../base/index.js";
import {
  collectDonors,
  type DonorBin,
  type DonorSample,
  noiseAxes,
  prefillClass,
  seqsClass,
} from "../latency/index.js";
import type { ResidualSummary } from "./fit-report.js";
import type { Observation } from "./observation.js";
import { summarizeResiduals } from "./summarize-residuals.js";

/** What a fit says of its own observations, one entry each. */
export interface FittedObservations {
  readonly observations: readonly Observation[];
  readonly predictedMs: Float64Array;
  /** The part of the prediction outside the engine's steps; 0 for gaps. */
  readonly outsideMs: Float64Array;
  /** False where the fit trimmed the observation as a stray. */
  readonly kept: readonly boolean[];
}

/** Of an isolated TTFT only the part in steps is scaled by step noise; below this share it says little of it. */
const leastStepShare = 0.7;

/**
 * Donors of step noise, observed over predicted, strays of all but rare kinds of step included: gaps stand for steps with decodes, isolated TTFTs
 * for steps with a prefill alone. Sums of many steps say nothing of one step's noise.
 */
export function noiseDonors(fitted: FittedObservations): DonorBin[] {
  return collectDonors([...noiseSamples(fitted)], noiseAxes);
}

function* noiseSamples({
  observations,
  predictedMs,
  outsideMs,
  kept,
}: FittedObservations): Generator<DonorSample> {
  for (const [i, { kind, ms, load, steps, run }] of observations.entries()) {
    if (kind === "span" || kind === "service") continue;
    const inSteps = predictedMs[i] - outsideMs[i];
    if (inSteps < leastStepShare * predictedMs[i]) continue;
    yield {
      row: prefillClass(load.prefillTokens / steps),
      column: seqsClass(load.decodeSeqs),
      value: (ms - outsideMs[i]) / inSteps,
      run,
      isStray: !kept[i],
    };
  }
}

/** A request's overhead in two parts: a constant on the way in, donors of what is drawn on the way out. */
export interface SplitOverhead {
  readonly requestMs: Ms;
  readonly emissionMs: readonly Ms[];
}

/** Donors kept of the emission overhead. */
const maxEmissionDonors = 500;

/**
 * Splits a request's overhead. Donors are the residuals of the isolated TTFTs with the shortest prefills (a quarter
 * of them, at least 20), where step noise is small; the constant gives up what they add.
 */
export function splitOverhead(fitted: FittedObservations, requestMs: Ms): SplitOverhead {
  const { observations, predictedMs } = fitted;
  const isolated = observations.flatMap((o, i) => (o.kind === "isolated" ? [i] : []));
  isolated.sort((a, b) => observations[a].load.prefillTokens - observations[b].load.prefillTokens);
  const shortest = isolated.slice(0, Math.max(20, Math.ceil(isolated.length / 4)));
  const residuals = Float64Array.from(shortest, (i) => observations[i].ms - predictedMs[i]).sort();
  const given = Math.min(requestMs, Math.max(0, -(residuals[0] ?? 0)));
  const donors = Math.min(maxEmissionDonors, residuals.length);
  const emissionMs = Array.from({ length: donors }, (_, k) => {
    const residual = quantileSorted(residuals, k / Math.max(1, donors - 1)) as Ms;
    return Math.round(Math.max(0, residual + given) * 1e4) / 1e4;
  });
  return { requestMs: requestMs - given, emissionMs };
}

const titles: Readonly<Record<Observation["kind"], string>> = {
  isolated: "TTFT of isolated requests",
  decode: "gaps with decodes only",
  chunk: "gaps with a prefill chunk",
  span: "first to last token",
  service: "scheduled to first token",
};

/** How well each kind of observation is met. */
export function residualsByKind(fitted: FittedObservations): ResidualSummary[] {
  const { observations, predictedMs, kept } = fitted;
  return (Object.keys(titles) as Observation["kind"][]).flatMap((kind) => {
    const members = observations.flatMap((o, i) => (o.kind === kind ? [i] : []));
    const summary = summarizeResiduals({
      of: titles[kind],
      observedMs: members.map((i) => observations[i].ms),
      predictedMs: members.map((i) => predictedMs[i]),
      kept: members.map((i) => kept[i]),
    });
    return summary ? [summary] : [];
  });
}
