import { InputError, requireFinite, stream } from "../base/index.js";
import { type DonorBin, donorsFromJson, donorsToJson } from "./donor-bins.js";
import { DonorSampler } from "./donor-sampler.js";
import { type FitRange, fitRangeFromJson, fitRangeToJson } from "./fit-range.js";
import type { LatencyModel, StepTimer } from "./latency-model.js";
import { noiseAxes, prefillClass, seqsClass } from "./step-classes.js";
import {
  type CoefficientDescription,
  type OverheadCoefficients,
  overheadCoefficientTable,
  requireCoefficients,
  type StepCoefficients,
  stepCoefficientTable,
} from "./step-coefficients.js";
import {
  expertPassFromJson,
  type StepForm,
  stepFormFromJson,
  stepFormToJson,
  stepPricer,
  sumForm,
} from "./step-form.js";

/** What a {@link physicalModel} is made of. */
export interface PhysicalModelParts {
  /** Default "physical". A profile of documented constants calls itself "profile:NAME". */
  readonly kind?: string;
  readonly step: StepCoefficients;
  /** How the parts of a step add up. Default: a sum. */
  readonly form?: StepForm;
  /**
   * Shortest step there is, whatever its load: where launching kernels takes longer than running them. Default 0.
   */
  readonly floorMs?: number;
  readonly overhead: OverheadCoefficients;
  readonly range: FitRange;
  /** Donors of step noise, observed over predicted duration, on {@link noiseAxes}. Default: none, and the model is deterministic. */
  readonly noise?: readonly DonorBin[];
  /** Donors of the emission overhead, ms, each >= 0. Default: none, an overhead of zero. */
  readonly emissionMs?: readonly number[];
}

/**
 * Step time from prices, `max(floorMs, stepPricer(step, form)(load))`, times a ratio drawn from donors. Requests pay
 * `requestMs + promptTokenMs * promptTokens` on their way in, and a drawn emission overhead on their way out.
 * @throws InputError when a coefficient is negative or not finite
 * @example
 * ```ts
 * import { physicalModel } from "prefixlab";
 * import { emptyStepLoad } from "prefixlab/latency";
 * const free = { prefillTokenDepthMs: 0, prefillSeqMs: 0, decodeContextTokenMs: 0 };
 * const model = physicalModel({
 *   step: { ...free, stepMs: 4, prefillTokenMs: 0.05, decodeSeqMs: 0.1 },
 *   overhead: { requestMs: 2, promptTokenMs: 0 },
 *   range: { uncachedTokens: [1, 4096], contextTokens: [1, 8192], runningSeqs: [1, 64] },
 * });
 * model.timer(1).stepMs({ ...emptyStepLoad(), prefillTokens: 100, decodeSeqs: 10 }); // → 10
 * ```
 */
export function physicalModel(parts: PhysicalModelParts): LatencyModel {
  const { kind = "physical", step, form = sumForm, overhead, range, noise = [], floorMs = 0 } = parts;
  requireCoefficients("physicalModel", step);
  requireCoefficients("physicalModel", overhead);
  requireFinite("physicalModel", "floorMs", floorMs, 0);
  const emissionMs = Float64Array.from(parts.emissionMs ?? []);
  for (const ms of emissionMs) requireFinite("physicalModel", "emissionMs", ms, 0);
  return {
    kind,
    range,
    timer: (seed) => physicalTimer(seed, { step, form, overhead, noise, floorMs }, emissionMs),
    toJson: () => ({
      kind,
      form: "physical",
      step: coefficientsToJson(stepCoefficientTable, step),
      ...(form !== sumForm && { step_form: stepFormToJson(form, step) }),
      floor_ms: floorMs,
      overhead: coefficientsToJson(overheadCoefficientTable, overhead),
      range: fitRangeToJson(range),
      noise: donorsToJson(noise),
      emission_ms: Array.from(emissionMs),
    }),
  };
}

/**
 * Reads what `physicalModel(...).toJson()` wrote.
 * @throws InputError naming the part that is missing or wrong
 */
export function physicalModelFromJson(json: Readonly<Record<string, unknown>>): LatencyModel {
  return physicalModel({
    kind: String(json.kind),
    step: { ...coefficientsFromJson(stepCoefficientTable, json.step), ...expertPassFromJson(json.step_form) },
    form: stepFormFromJson(json.step_form),
    floorMs: requireFinite("physicalModelFromJson", "floor_ms", json.floor_ms ?? 0, 0),
    overhead: coefficientsFromJson(overheadCoefficientTable, json.overhead),
    range: fitRangeFromJson(json.range),
    noise: donorsFromJson(json.noise ?? [], noiseAxes),
    emissionMs: Array.isArray(json.emission_ms) ? json.emission_ms : [],
  });
}

function physicalTimer(
  seed: number | string,
  parts: Required<Pick<PhysicalModelParts, "step" | "form" | "overhead" | "noise" | "floorMs">>,
  emissionMs: Float64Array,
): StepTimer {
  const { overhead, floorMs } = parts;
  const priceOf = stepPricer(parts.step, parts.form);
  const sampler = new DonorSampler(parts.noise, noiseAxes, stream(seed, "step noise"));
  const emissions = stream(seed, "emission overhead");
  const noisy = parts.noise.length > 0;
  return {
    stepMs(load) {
      const ms = Math.max(floorMs, shortestStepMs, priceOf(load));
      if (!noisy) return ms;
      return ms * sampler.next(prefillClass(load.prefillTokens), seqsClass(load.decodeSeqs));
    },
    arrivalOverheadMs: (promptTokens) => overhead.requestMs + overhead.promptTokenMs * promptTokens,
    emissionOverheadMs: () =>
      emissionMs.length === 0 ? 0 : emissionMs[emissions.integer(emissionMs.length)],
  };
}

/** A step takes some time, or virtual time would stand still. */
const shortestStepMs = 1e-6;

/** Coefficients under their wire names. */
export function coefficientsToJson<K extends string>(
  table: Readonly<Record<K, CoefficientDescription>>,
  values: Readonly<Record<K, number>>,
): Record<string, number> {
  const names = Object.keys(table) as K[];
  return Object.fromEntries(names.map((name) => [table[name].wireName, values[name]]));
}

/** Coefficients from their wire names. */
export function coefficientsFromJson<K extends string>(
  table: Readonly<Record<K, CoefficientDescription>>,
  json: unknown,
): Record<K, number> {
  if (json === null || typeof json !== "object")
    throw new InputError("latencyModelFromJson: coefficients are missing");
  const given = json as Record<string, unknown>;
  const names = Object.keys(table) as K[];
  return Object.fromEntries(
    names.map((name) => {
      const { wireName } = table[name];
      return [name, requireFinite("latencyModelFromJson", wireName, given[wireName], 0)];
    }),
  ) as Record<K, number>;
}
