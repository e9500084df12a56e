import type { Ms } from "../base/index.js";
import type { FitRange } from "../latency/index.js";
import {
  type CoefficientDescription,
  type OverheadCoefficients,
  overheadCoefficientTable,
  physicalModel,
  prefillClass,
  type StepCoefficients,
  seqsClass,
  stepCoefficientNames,
  stepCoefficientTable,
} from "../latency/index.js";
import type { FitReport } from "./fit-report.js";
import type { ModelFit } from "./model-fit.js";
import type { Observation } from "./observations.js";
import { noiseDonors, residualsByKind, splitOverhead } from "./residual-donors.js";
import { robustNonNegativeFit } from "./robust-fit.js";

/** A physical fit, with the prices for whoever goes on from it. */
export interface PhysicalFit extends ModelFit {
  readonly step: StepCoefficients;
}

/** Settings for observations that say less. */
export interface PhysicalFitOptions {
  /** A request's overhead where isolated TTFTs do not tell it, ms. Default 0. */
  readonly knownRequestMs?: Ms;
  /** See `ridge` of the robust fit. Default 0. */
  readonly ridge?: number;
}

/** Chunk gaps, or spans with prefills in them, needed before a price per chunk is told apart from the price of a step. */
const leastChunkGaps = 20;

/**
 * Fits step prices and overheads at once, by robust non-negative least squares on relative errors over isolated
 * TTFTs, decode gaps and chunk gaps; the residuals become donors of noise.
 */
export function fitPhysical(
  observations: readonly Observation[],
  range: FitRange,
  { knownRequestMs = 0, ridge = 0 }: PhysicalFitOptions = {},
): PhysicalFit {
  const pricesChunks =
    observations.filter((o) => o.kind === "chunk" || o.kind === "span").length >= leastChunkGaps;
  const groups = observations.map(groupOf);
  const groupShare = new Map<number, number>();
  observations.forEach((o, i) => {
    groupShare.set(groups[i], (groupShare.get(groups[i]) ?? 0) + o.share);
  });
  const { coefficients, ratios, kept } = robustNonNegativeFit({
    rows: observations.map((o) => regressionRow(o, pricesChunks)),
    targets: observations.map((o) => o.ms),
    // A kind of step that was observed often must not drown the others: its weight grows with the root of n.
    weights: observations.map((o, i) => o.share / Math.sqrt(groupShare.get(groups[i])!)),
    groups,
    ridge,
  });
  const step = Object.fromEntries(
    stepCoefficientNames.map((name, column) => [name, coefficients[column]]),
  ) as unknown as StepCoefficients;
  const overhead: OverheadCoefficients = {
    requestMs: coefficients[6] + knownRequestMs,
    promptTokenMs: coefficients[7],
  };
  const fitted = {
    observations,
    predictedMs: Float64Array.from(observations, (o, i) => o.ms / ratios[i]),
    outsideMs: Float64Array.from(observations, (o) =>
      o.kind === "isolated" ? overhead.requestMs + overhead.promptTokenMs * o.promptTokens : 0,
    ),
    kept,
  };
  const { requestMs, emissionMs } = splitOverhead(fitted, overhead.requestMs);
  return {
    step,
    model: physicalModel({
      step,
      overhead: { ...overhead, requestMs },
      range,
      noise: noiseDonors(fitted),
      emissionMs,
    }),
    coefficients: [
      ...stepCoefficientNames.map((name) => describe(stepCoefficientTable[name], step[name])),
      describe(overheadCoefficientTable.requestMs, overhead.requestMs),
      describe(overheadCoefficientTable.promptTokenMs, overhead.promptTokenMs),
    ],
    residuals: residualsByKind(fitted),
    leftOut: [],
    trimmed: kept.filter((keep) => !keep).length,
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

function groupOf(o: Observation): number {
  const { kind } = o;
  const kinds = { decode: 0, span: 1, chunk: 2, isolated: 3, service: 4 };
  const load =
    kind === "decode" || kind === "span"
      ? seqsClass(o.load.decodeSeqs / o.steps)
      : prefillClass(o.load.prefillTokens);
  return 100 * kinds[kind] + load;
}

function describe(
  { wireName, unit, meaning }: CoefficientDescription,
  value: number,
): FitReport["coefficients"][number] {
  return { name: wireName, value, unit, meaning };
}
