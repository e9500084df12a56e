import { InputError } from "../base/index.js";
import type { LatencyModel } from "./latency-model.js";
import { latencyModelFromJson } from "./latency-model-json.js";

/** Factors on the prices of a physical model. */
export interface PriceFactors {
  /** On what a prefill costs: its tokens, their depth, its chunks. */
  readonly prefill: number;
  /** On what every step and its decodes cost. */
  readonly decode: number;
}

const prefillPrices = ["prefill_token_ms", "prefill_token_depth_ms", "prefill_seq_ms"];

/**
 * The physical model with its step prices multiplied; its overheads, range, noise and conditions stay.
 * @throws InputError for a model that has no prices
 * @example
 * ```ts
 * import { latencyProfile } from "prefixlab";
 * import { emptyStepLoad, scalePrices } from "prefixlab/latency";
 * const model = latencyProfile("h200-qwen3-8b");
 * const load = { ...emptyStepLoad(), decodeSeqs: 4, decodeContextTokens: 4000 };
 * scalePrices(model, { prefill: 1, decode: 2 }).timer(1).stepMs(load) / model.timer(1).stepMs(load); // → 2
 * ```
 */
export function scalePrices(model: LatencyModel, { prefill, decode }: PriceFactors): LatencyModel {
  const json = model.toJson();
  const step = json.step as Readonly<Record<string, number>> | undefined;
  if (!step)
    throw new InputError(
      `scalePrices: a model of the kind "${model.kind}" has no prices to scale: fit a physical one`,
    );
  const form = json.step_form as Readonly<Record<string, unknown>> | undefined;
  return latencyModelFromJson({
    ...json,
    step: Object.fromEntries(
      Object.entries(step).map(([name, price]) => [
        name,
        price * (prefillPrices.includes(name) ? prefill : decode),
      ]),
    ),
    ...(form && { step_form: { ...form, expert_pass_ms: decode * Number(form.expert_pass_ms ?? 0) } }),
  });
}
