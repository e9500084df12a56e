import type { Ms } from "../base/index.js";
import { collectDonors, type DonorSample } from "./donor-bins.js";
import type { FitReport, ResidualSummary } from "./fit-report.js";
import type { FitRange, LatencyModel } from "./latency-model.js";
import type { Observation } from "./observations.js";
import { physicalModel } from "./physical-model.js";
import { type RobustFit, robustNonNegativeFit } from "./robust-fit.js";
import { noiseAxes, prefillClass, seqsClass } from "./step-classes.js";
import {
  type OverheadCoefficients,
  overheadCoefficientTable,
  type StepCoefficients,
  stepCoefficientNames,
  stepCoefficientTable,
} from "./step-coefficients.js";
import { summarizeResiduals } from "./summarize-residuals.js";

/** A model, and the parts of its report that come from the regression. */
export interface PhysicalFit {
  readonly model: LatencyModel;
  readonly coefficients: FitReport["coefficients"];
  readonly residuals: readonly ResidualSummary[];
  readonly trimmed: number;
}

/** Chunk gaps needed before a price per chunk is told apart from the price of a step. */
const leastChunkGaps = 20;

/**
 * Fits step prices and overheads at once, by robust non-negative least squares on relative errors over isolated
 * TTFTs, decode gaps and chunk gaps; then collects the residuals as donors of noise: gaps for steps with decodes,
 * isolated TTFTs for steps with a prefill alone, and what isolated TTFTs vary beyond their steps for emissions.
 */
export function fitPhysical(observations: readonly Observation[], range: FitRange): PhysicalFit {
  const pricesChunks = observations.filter((o) => o.kind === "chunk").length >= leastChunkGaps;
  const groups = observations.map(groupOf);
  const groupShare = new Map<number, number>();
  observations.forEach((o, i) => {
    groupShare.set(groups[i]!, (groupShare.get(groups[i]!) ?? 0) + o.share);
  });
  const fit = robustNonNegativeFit({
    rows: observations.map((o) => regressionRow(o, pricesChunks)),
    targets: observations.map((o) => o.ms),
    weights: observations.map((o, i) => o.share / Math.sqrt(groupShare.get(groups[i]!)!)),
    groups,
  });
  const [stepMs, prefillTokenMs, prefillTokenDepthMs, prefillSeqMs, decodeSeqMs, decodeContextTokenMs] =
    fit.coefficients as unknown as number[];
  const step: StepCoefficients = {
    stepMs: stepMs!,
    prefillTokenMs: prefillTokenMs!,
    prefillTokenDepthMs: prefillTokenDepthMs!,
    prefillSeqMs: prefillSeqMs!,
    decodeSeqMs: decodeSeqMs!,
    decodeContextTokenMs: decodeContextTokenMs!,
  };
  const overhead: OverheadCoefficients = {
    requestMs: fit.coefficients[6]!,
    promptTokenMs: fit.coefficients[7]!,
  };
  const { overhead: arrival, emissionMs } = splitOverhead(observations, fit, overhead);
  const model = physicalModel({
    step,
    overhead: arrival,
    range,
    noise: collectDonors(noiseSamples(observations, fit, overhead), noiseAxes),
    emissionMs,
  });
  return {
    model,
    coefficients: [
      ...stepCoefficientNames.map((name) => describe(stepCoefficientTable[name], step[name])),
      describe(overheadCoefficientTable.requestMs, overhead.requestMs),
      describe(overheadCoefficientTable.promptTokenMs, overhead.promptTokenMs),
    ],
    residuals: residualsByKind(observations, fit),
    trimmed: fit.kept.filter((kept) => !kept).length,
  };
}

/** Columns: steps, prefill tokens, token-depth, chunks, decoding sequences, their context, request, prompt tokens. */
function regressionRow({ kind, steps, load, promptTokens }: Observation, pricesChunks: boolean): number[] {
  const isolated = kind === "isolated";
  return [
    steps,
    load.prefillTokens,
    load.prefillTokenDepth,
    pricesChunks ? load.prefillSeqs : 0,
    load.decodeSeqs,
    load.decodeContextTokens,
    isolated ? 1 : 0,
    isolated ? promptTokens : 0,
  ];
}

function groupOf({ kind, load }: Observation): number {
  if (kind === "decode") return seqsClass(load.decodeSeqs);
  return (kind === "chunk" ? 100 : 200) + prefillClass(load.prefillTokens);
}

function describe(
  { wireName, unit, meaning }: { wireName: string; unit: string; meaning: string },
  value: number,
): FitReport["coefficients"][number] {
  return { name: wireName, value, unit, meaning };
}

/** Of an isolated TTFT only the part in steps is scaled by step noise; a prefill below this share says little. */
const leastStepShare = 0.7;

function* noiseSamples(
  observations: readonly Observation[],
  fit: RobustFit,
  overhead: OverheadCoefficients,
): Generator<DonorSample> {
  for (const [i, { kind, ms, load, steps, promptTokens, run }] of observations.entries()) {
    if (kind !== "isolated") {
      const row = prefillClass(load.prefillTokens);
      yield { row, column: seqsClass(load.decodeSeqs), value: fit.ratios[i]!, run };
      continue;
    }
    const predicted = ms / fit.ratios[i]!;
    const outside = overhead.requestMs + overhead.promptTokenMs * promptTokens;
    const inSteps = predicted - outside;
    if (inSteps < leastStepShare * predicted) continue;
    const row = prefillClass(load.prefillTokens / steps);
    yield { row, column: 0, value: (ms - outside) / inSteps, run };
  }
}

/**
 * Splits the request overhead into a constant way in and a drawn way out. The donors of the way out are the
 * residuals of isolated TTFTs with short prefills, where step noise is small; the constant gives up what they add.
 */
function splitOverhead(
  observations: readonly Observation[],
  fit: RobustFit,
  overhead: OverheadCoefficients,
): { overhead: OverheadCoefficients; emissionMs: number[] } {
  const isolated = observations.flatMap((o, i) =>
    o.kind === "isolated" ? [{ tokens: o.load.prefillTokens, residualMs: o.ms - o.ms / fit.ratios[i]! }] : [],
  );
  isolated.sort((a, b) => a.tokens - b.tokens);
  const shortest = isolated.slice(0, Math.max(20, Math.ceil(isolated.length / 4)));
  const residuals = shortest.map((o) => o.residualMs).sort((a, b) => a - b);
  const given = Math.min(overhead.requestMs, Math.max(0, -(residuals[0] ?? 0)));
  return {
    overhead: { ...overhead, requestMs: overhead.requestMs - given },
    emissionMs: residuals.map((ms): Ms => Math.round(Math.max(0, ms + given) * 1e4) / 1e4),
  };
}

function residualsByKind(observations: readonly Observation[], fit: RobustFit): ResidualSummary[] {
  const titles: Readonly<Record<Observation["kind"], string>> = {
    isolated: "TTFT of isolated requests",
    decode: "gaps with decodes only",
    chunk: "gaps with a prefill chunk",
  };
  return (Object.keys(titles) as Observation["kind"][]).flatMap((kind) => {
    const members = observations.flatMap((o, i) => (o.kind === kind ? [i] : []));
    const summary = summarizeResiduals({
      of: titles[kind],
      observedMs: members.map((i) => observations[i]!.ms),
      predictedMs: members.map((i) => observations[i]!.ms / fit.ratios[i]!),
      kept: members.map((i) => fit.kept[i]!),
    });
    return summary ? [summary] : [];
  });
}
