import { InputError, type Ms, median } from "../base/index.js";
import type { FitRange } from "../latency/index.js";
import {
  type ChunkCost,
  collectDonors,
  type DonorSample,
  decodeAxes,
  decodeCell,
  empiricalModel,
  type LonePrefillPrices,
  prefillStepMs,
  typicalGaps,
} from "../latency/index.js";
import type { FitReport } from "./fit-report.js";
import type { ModelFit } from "./model-fit.js";
import type { Observation } from "./observation.js";
import { type FittedObservations, noiseDonors, residualsByKind, splitOverhead } from "./residual-donors.js";
import { robustNonNegativeFit } from "./robust-fit.js";
import { fitServiceCurve } from "./service-curve.js";

/** Clean gaps of its own that a request needs before its chunk gaps are compared with them. */
const leastOwnGaps = 3;
/** Chunk gaps below which the service curve has to stand in for the chunk cost. */
const leastChunkGaps = 8;

/**
 * Fits the empirical model: gaps as they are, the service curve on isolated TTFTs, and the chunk cost on the gaps in
 * which one prefill ran, less the request's own median clean gap.
 */
export function fitEmpirical(observations: readonly Observation[], range: FitRange): ModelFit {
  const gaps = collectDonors([...decodeSamples(observations)], decodeAxes);
  const typical = typicalGaps(gaps);
  const typicalGapMs = (o: Observation): Ms => {
    const { row, column } = decodeCell(o.load);
    return typical[row * decodeAxes.columns + column];
  };
  const lone = fitLonePrefill(observations);
  const { chunk, leftOut } = fitChunkCost(observations, lone);
  const fitted = predict(observations, typicalGapMs, chunk, lone);
  const { requestMs, emissionMs } = splitOverhead(fitted, lone.requestMs);
  return {
    model: empiricalModel({
      gaps,
      chunk,
      lone: { ...lone, requestMs },
      range,
      noise: noiseDonors(fitted).filter((bin) => bin.row > 0),
      emissionMs,
    }),
    coefficients: coefficientsOf(lone, chunk),
    residuals: residualsByKind(fitted),
    leftOut: leftOut.filter(({ count }) => count > 0),
    trimmed: 0,
  };
}

function* decodeSamples(observations: readonly Observation[]): Generator<DonorSample> {
  for (const o of observations)
    if (o.kind === "decode") yield { ...decodeCell(o.load), value: o.ms, run: o.run };
}

function fitLonePrefill(observations: readonly Observation[]): LonePrefillPrices {
  const isolated = observations.filter((o) => o.kind === "isolated");
  const decodes = observations.filter((o) => o.kind === "decode");
  const fewest = decodes.reduce((least, o) => Math.min(least, o.load.decodeSeqs), Number.POSITIVE_INFINITY);
  const gapMs = median(decodes.filter((o) => o.load.decodeSeqs === fewest).map((o) => o.ms));
  const shortest = isolated.reduce((least, o) => Math.min(least, o.ms), Number.POSITIVE_INFINITY);
  if (gapMs === undefined) throw new InputError("fitEmpirical: needs gaps between tokens, got none");
  const curve = fitServiceCurve({
    points: isolated.map((o) => ({
      uncachedTokens: o.load.prefillTokens,
      tokenDepth: o.load.prefillTokenDepth,
      steps: o.steps,
      ttftMs: o.ms,
    })),
    stepMs: Math.min(gapMs, shortest / 2),
  });
  return { ...curve, floorMs: Math.max(0, curve.floorMs - curve.requestMs) };
}

function fitChunkCost(
  observations: readonly Observation[],
  lone: LonePrefillPrices,
): { chunk: ChunkCost; leftOut: FitReport["leftOut"] } {
  const ownGaps = new Map<number, Ms[]>();
  for (const { kind, run, ms } of observations) {
    if (kind !== "decode") continue;
    const list = ownGaps.get(run);
    if (list) list.push(ms);
    else ownGaps.set(run, [ms]);
  }
  const ownMedian = new Map([...ownGaps].map(([run, gaps]) => [run, median(gaps) as Ms]));
  const rows: number[][] = [];
  const targets: Ms[] = [];
  const weights: number[] = [];
  let stacked = 0;
  let alone = 0;
  for (const { kind, load, ms, run, share } of observations) {
    if (kind !== "chunk") continue;
    if (load.prefillSeqs > 1) stacked++;
    else if ((ownGaps.get(run)?.length ?? 0) < leastOwnGaps) alone++;
    else {
      rows.push([load.prefillTokens, load.prefillTokenDepth]);
      targets.push(ms - ownMedian.get(run)!);
      weights.push(share);
    }
  }
  const enough = rows.length >= leastChunkGaps;
  const coefficients = enough
    ? robustNonNegativeFit({ rows, targets, weights, groups: rows.map(() => 0) }).coefficients
    : [lone.tokenMs, lone.tokenDepthMs];
  return {
    chunk: { tokenMs: coefficients[0], tokenDepthMs: coefficients[1] },
    leftOut: [
      { reason: "chunk cost: gap with stacked prefills", count: stacked },
      { reason: "chunk cost: gap of a request with too few clean gaps", count: alone },
      { reason: "chunk cost: too few gaps, the service curve stands in", count: enough ? 0 : rows.length },
    ],
  };
}

function predict(
  observations: readonly Observation[],
  typicalGapMs: (o: Observation) => Ms,
  chunk: ChunkCost,
  lone: LonePrefillPrices,
): FittedObservations {
  const predictedMs = Float64Array.from(observations, (o) => {
    if (o.kind === "decode") return typicalGapMs(o);
    if (o.kind === "chunk") return prefillStepMs(o.load, typicalGapMs(o), chunk, lone);
    const { load, steps } = o;
    const inSteps =
      steps * lone.stepMs + lone.tokenMs * load.prefillTokens + lone.tokenDepthMs * load.prefillTokenDepth;
    return lone.requestMs + Math.max(steps * lone.floorMs, inSteps);
  });
  return {
    observations,
    predictedMs,
    outsideMs: Float64Array.from(observations, (o) => (o.kind === "isolated" ? lone.requestMs : 0)),
    kept: observations.map(() => true),
  };
}

function coefficientsOf(lone: LonePrefillPrices, chunk: ChunkCost): FitReport["coefficients"] {
  const line = (name: string, value: number, unit: string, meaning: string) => ({
    name,
    value,
    unit,
    meaning,
  });
  return [
    line("lone_prefill.request_ms", lone.requestMs, "ms/request", "a request outside the engine's steps"),
    line("lone_prefill.step_ms", lone.stepMs, "ms/step", "a step of a prefill alone"),
    line("lone_prefill.token_ms", lone.tokenMs, "ms/token", "a prompt token computed, alone"),
    line(
      "lone_prefill.token_depth_ms",
      lone.tokenDepthMs,
      "ms/token^2",
      "its attention to a token before it",
    ),
    line("chunk.token_ms", chunk.tokenMs, "ms/token", "a prompt token computed beside decodes"),
    line("chunk.token_depth_ms", chunk.tokenDepthMs, "ms/token^2", "its attention to a token before it"),
  ];
}
