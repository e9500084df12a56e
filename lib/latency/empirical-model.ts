import { InputError, type Ms, median, requireFinite, stream } from "../base/index.js";
import { type DonorBin, donorsFromJson, donorsToJson, nearestBins } from "./donor-bins.js";
import { DonorSampler } from "./donor-sampler.js";
import { fitRangeFromJson, fitRangeToJson } from "./fit-range.js";
import type { FitRange, LatencyModel, StepLoad, StepTimer } from "./latency-model.js";
import {
  contextClass,
  decodeAxes,
  fineSeqsClass,
  noiseAxes,
  prefillClass,
  seqsClass,
} from "./step-classes.js";
import { requireCoefficients } from "./step-coefficients.js";

/** Prices of prefill where a step has nothing else to do, ms. */
export interface LonePrefillPrices {
  /** Outside the engine's steps. */
  readonly requestMs: Ms;
  readonly stepMs: Ms;
  readonly tokenMs: number;
  readonly tokenDepthMs: number;
  /** A step with a prefill is never shorter. */
  readonly floorMs: Ms;
}

/** What a prefill chunk adds to a step that decodes, ms: `tokenMs * t + tokenDepthMs * (d1^2 - d0^2) / 2`. */
export interface ChunkCost {
  readonly tokenMs: number;
  readonly tokenDepthMs: number;
}

/** What an {@link empiricalModel} is made of. */
export interface EmpiricalModelParts {
  /** Gaps between tokens, ms, on {@link decodeAxes}. */
  readonly gaps: readonly DonorBin[];
  readonly chunk: ChunkCost;
  readonly lone: LonePrefillPrices;
  readonly range: FitRange;
  /** Noise of steps with a prefill, observed over predicted, on {@link noiseAxes}. */
  readonly noise: readonly DonorBin[];
  /** Donors of the emission overhead, ms, each >= 0. */
  readonly emissionMs: readonly number[];
}

/**
 * Step times drawn from observed ones: a step of decodes takes a gap observed at the nearest concurrency and context;
 * a prefill chunk beside decodes adds its cost to their typical gap; a step with a prefill alone follows the service
 * curve. It claims nothing about loads it has not seen: beyond the largest bin, gaps stay as they are there.
 * @throws InputError when there are no gaps, or a coefficient is negative or not finite
 * @example
 * ```ts
 * import { collectDonors, decodeAxes, decodeCell, emptyStepLoad, empiricalModel } from "prefixlab/latency";
 * const load = { ...emptyStepLoad(), decodeSeqs: 4, decodeContextTokens: 4096 };
 * const observed = Array.from({ length: 40 }, (_, run) => ({ ...decodeCell(load), value: 5, run }));
 * const model = empiricalModel({
 *   gaps: collectDonors(observed, decodeAxes),
 *   chunk: { tokenMs: 0.04, tokenDepthMs: 0 },
 *   lone: { requestMs: 2, stepMs: 4, tokenMs: 0.05, tokenDepthMs: 0, floorMs: 4 },
 *   range: { uncachedTokens: [1, 4096], contextTokens: [1, 8192], runningSeqs: [1, 64] },
 *   noise: [],
 *   emissionMs: [],
 * });
 * model.timer(1).stepMs(load); // → 5
 * ```
 */
export function empiricalModel(parts: EmpiricalModelParts): LatencyModel {
  const { gaps, chunk, lone, range, noise, emissionMs } = parts;
  if (gaps.length === 0) throw new InputError("empiricalModel: needs at least one bin of gaps");
  requireCoefficients("empiricalModel", chunk);
  requireCoefficients("empiricalModel", lone);
  for (const ms of emissionMs) requireFinite("empiricalModel", "emissionMs", ms, 0);
  return {
    kind: "empirical",
    range,
    timer: (seed) => empiricalTimer(seed, parts),
    toJson: () => ({
      kind: "empirical",
      form: "empirical",
      chunk: { token_ms: chunk.tokenMs, token_depth_ms: chunk.tokenDepthMs },
      lone_prefill: {
        request_ms: lone.requestMs,
        step_ms: lone.stepMs,
        token_ms: lone.tokenMs,
        token_depth_ms: lone.tokenDepthMs,
        floor_ms: lone.floorMs,
      },
      range: fitRangeToJson(range),
      gaps: donorsToJson(gaps),
      noise: donorsToJson(noise),
      emission_ms: Array.from(emissionMs),
    }),
  };
}

/**
 * Reads what `empiricalModel(...).toJson()` wrote.
 * @throws InputError naming the part that is missing or wrong
 */
export function empiricalModelFromJson(json: Readonly<Record<string, unknown>>): LatencyModel {
  const number = (part: string, name: string): number => {
    const values = (json[part] ?? {}) as Record<string, unknown>;
    return requireFinite("latencyModelFromJson", `${part}.${name}`, values[name], 0);
  };
  return empiricalModel({
    chunk: { tokenMs: number("chunk", "token_ms"), tokenDepthMs: number("chunk", "token_depth_ms") },
    lone: {
      requestMs: number("lone_prefill", "request_ms"),
      stepMs: number("lone_prefill", "step_ms"),
      tokenMs: number("lone_prefill", "token_ms"),
      tokenDepthMs: number("lone_prefill", "token_depth_ms"),
      floorMs: number("lone_prefill", "floor_ms"),
    },
    range: fitRangeFromJson(json.range),
    gaps: donorsFromJson(json.gaps, decodeAxes),
    noise: donorsFromJson(json.noise ?? [], noiseAxes),
    emissionMs: Array.isArray(json.emission_ms) ? json.emission_ms : [],
  });
}

/**
 * Row and column of a step of decodes on {@link decodeAxes}.
 * @example
 * ```ts
 * import { decodeCell, emptyStepLoad } from "prefixlab/latency";
 * decodeCell({ ...emptyStepLoad(), decodeSeqs: 4, decodeContextTokens: 4096 }); // → { row: 10, column: 4 }
 * ```
 */
export function decodeCell({ decodeSeqs, decodeContextTokens }: StepLoad): { row: number; column: number } {
  return {
    row: contextClass(decodeContextTokens / Math.max(1, decodeSeqs)),
    column: fineSeqsClass(decodeSeqs),
  };
}

/**
 * The typical gap at every kind of decode step, `row * columns + column`: the median of the nearest bin, ms.
 * @example
 * ```ts
 * import { collectDonors, decodeAxes, typicalGaps } from "prefixlab/latency";
 * const gaps = Array.from({ length: 40 }, (_, at) => ({ row: 10, column: 4, value: 5 + at / 100, run: 0 }));
 * typicalGaps(collectDonors(gaps, decodeAxes))[10 * decodeAxes.columns + 4]; // → 5.195
 * ```
 */
export function typicalGaps(gaps: readonly DonorBin[]): Float64Array {
  const medians = gaps.map((bin) => median(bin.values) as number);
  return Float64Array.from(nearestBins(gaps, decodeAxes), (bin) => medians[bin] ?? 0);
}

/**
 * What a step with a prefill is predicted to take before noise, ms.
 * @example
 * ```ts
 * import { emptyStepLoad, prefillStepMs } from "prefixlab/latency";
 * const load = { ...emptyStepLoad(), prefillTokens: 100, prefillTokenDepth: 5000, prefillSeqs: 1, decodeSeqs: 4 };
 * const lone = { requestMs: 2, stepMs: 4, tokenMs: 0.05, tokenDepthMs: 0, floorMs: 4 };
 * prefillStepMs(load, 5, { tokenMs: 0.04, tokenDepthMs: 0 }, lone); // → 9
 * ```
 */
export function prefillStepMs(
  load: StepLoad,
  typicalGapMs: Ms,
  chunk: ChunkCost,
  lone: LonePrefillPrices,
): Ms {
  if (load.decodeSeqs > 0)
    return typicalGapMs + chunk.tokenMs * load.prefillTokens + chunk.tokenDepthMs * load.prefillTokenDepth;
  const ms = lone.stepMs + lone.tokenMs * load.prefillTokens + lone.tokenDepthMs * load.prefillTokenDepth;
  return Math.max(lone.floorMs, ms);
}

function empiricalTimer(seed: number | string, parts: EmpiricalModelParts): StepTimer {
  const { chunk, lone } = parts;
  const emissionMs = Float64Array.from(parts.emissionMs);
  const typical = typicalGaps(parts.gaps);
  const gaps = new DonorSampler(parts.gaps, decodeAxes, stream(seed, "gaps"));
  const noise = new DonorSampler(parts.noise, noiseAxes, stream(seed, "step noise"));
  const emissions = stream(seed, "emission overhead");
  return {
    stepMs(load) {
      const row = contextClass(load.decodeContextTokens / Math.max(1, load.decodeSeqs));
      const column = fineSeqsClass(load.decodeSeqs);
      if (load.prefillSeqs === 0) return gaps.next(row, column);
      const ms = prefillStepMs(load, typical[row * decodeAxes.columns + column], chunk, lone);
      return ms * noise.next(prefillClass(load.prefillTokens), seqsClass(load.decodeSeqs));
    },
    arrivalOverheadMs: () => lone.requestMs,
    emissionOverheadMs: () =>
      emissionMs.length === 0 ? 0 : emissionMs[emissions.integer(emissionMs.length)],
  };
}
