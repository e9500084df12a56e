import { describeValue, InputError, requireFinite } from "../base/index.js";
import { shareOfExpertsRead } from "../hardware/index.js";
import type { StepLoad } from "./latency-model.js";
import { priceStep, type StepCoefficients } from "./step-coefficients.js";

/**
 * How the parts of a step add up.
 *
 * - "sum": one after the other, {@link priceStep}. What an engine on a CPU does.
 * - "max": the longer of the pass that every step makes over weights and KV, and of the computing of its prefills. What a
 *   roofline says of a GPU: decodes beside a long prefill are nearly free, and so is a short prefill beside decodes.
 */
export type StepCombination = "sum" | "max";

/** The shape of the function that prices a step. */
export interface StepForm {
  readonly combine: StepCombination;
  /**
   * Mixture of experts: share of a layer's experts that one token is sent to; 0 for a dense model. A step of n tokens
   * reads 1 - (1 - share)^n of the experts, so a decode step grows steeply with the first sequences and then flattens.
   */
  readonly expertShare: number;
}

/** A sum of prices, of a dense model. */
export const sumForm: StepForm = { combine: "sum", expertShare: 0 };

/**
 * Share of the experts that a step with this load reads; 0 for a dense model.
 * @example
 * ```ts
 * import { emptyStepLoad, expertsRead } from "prefixlab/latency";
 * const load = { ...emptyStepLoad(), decodeSeqs: 4 };
 * expertsRead({ combine: "sum", expertShare: 8 / 128 }, load); // → 0.2275
 * ```
 */
export function expertsRead({ expertShare }: StepForm, load: StepLoad): number {
  return expertShare === 0 ? 0 : shareOfExpertsRead(expertShare, load.prefillTokens + load.decodeSeqs);
}

/**
 * The two sides of a step, ms: the pass over weights and KV, which any step makes, and the computing of its prefills. In
 * the form "max" a step's prefills share one pass, so `prefillSeqMs` is paid once by a step that has any.
 */
export function stepSides(
  prices: StepCoefficients,
  form: StepForm,
  load: StepLoad,
): { passMs: number; prefillMs: number } {
  return { passMs: passMs(prices, form, load), prefillMs: prefillMs(prices, form, load) };
}

/**
 * The function that prices a step in this form, ms.
 * @example
 * ```ts
 * import { emptyStepLoad, stepPricer } from "prefixlab/latency";
 * const free = { prefillTokenDepthMs: 0, prefillSeqMs: 0, decodeContextTokenMs: 0 };
 * const prices = { ...free, stepMs: 10, prefillTokenMs: 0.02, decodeSeqMs: 0.1 };
 * const load = { ...emptyStepLoad(), prefillTokens: 1000, prefillSeqs: 1, decodeSeqs: 20 };
 * [stepPricer(prices, { combine: "sum", expertShare: 0 })(load), stepPricer(prices, { combine: "max", expertShare: 0 })(load)];
 * // → [32, 20]
 * ```
 */
export function stepPricer(prices: StepCoefficients, form: StepForm): (load: StepLoad) => number {
  if (form.combine === "max")
    return (load) => Math.max(passMs(prices, form, load), prefillMs(prices, form, load));
  if (form.expertShare === 0) return (load) => priceStep(prices, load);
  const { expertPassMs = 0 } = prices;
  return (load) => priceStep(prices, load) + expertPassMs * expertsRead(form, load);
}

function passMs(prices: StepCoefficients, form: StepForm, load: StepLoad): number {
  return (
    prices.stepMs +
    prices.decodeSeqMs * load.decodeSeqs +
    prices.decodeContextTokenMs * load.decodeContextTokens +
    (prices.expertPassMs ?? 0) * expertsRead(form, load)
  );
}

function prefillMs(prices: StepCoefficients, { combine }: StepForm, load: StepLoad): number {
  return (
    prices.prefillTokenMs * load.prefillTokens +
    prices.prefillTokenDepthMs * load.prefillTokenDepth +
    prices.prefillSeqMs * (combine === "max" ? Math.min(1, load.prefillSeqs) : load.prefillSeqs)
  );
}

/** The form and the price that goes with it under their wire names. */
export function stepFormToJson(
  { combine, expertShare }: StepForm,
  { expertPassMs = 0 }: StepCoefficients,
): Record<string, unknown> {
  return { combine, expert_share: expertShare, expert_pass_ms: expertPassMs };
}

/**
 * The form from its wire names; a sum of a dense model where a model file has none.
 * @throws InputError when it is no form
 */
export function stepFormFromJson(json: unknown): StepForm {
  if (json === undefined || json === null) return sumForm;
  const { combine, expert_share: expertShare } = json as Record<string, unknown>;
  if (combine !== "sum" && combine !== "max")
    throw new InputError(
      `latencyModelFromJson: step_form.combine must be "sum" or "max", got ${describeValue(combine)}`,
    );
  return {
    combine,
    expertShare: requireFinite("latencyModelFromJson", "step_form.expert_share", expertShare ?? 0, 0, 1),
  };
}

/** The price of reading all experts that {@link stepFormToJson} wrote beside the form. */
export function expertPassFromJson(json: unknown): Pick<StepCoefficients, "expertPassMs"> {
  const { expert_pass_ms: given = 0 } = (json ?? {}) as Record<string, unknown>;
  return given === 0
    ? {}
    : { expertPassMs: requireFinite("latencyModelFromJson", "step_form.expert_pass_ms", given, 0) };
}
