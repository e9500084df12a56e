import { type LatencyModel, latencyModelFromJson } from "../latency/index.js";

/** Factors on the prices of a physical model. */
export interface PriceFactors {
  /** On what a prefill costs: its tokens, their depth, its chunks. */
  readonly prefill: number;
  /** On what every step and its decodes cost. */
  readonly decode: number;
}

const prefillPrices = ["prefill_token_ms", "prefill_token_depth_ms", "prefill_seq_ms"];

/** The physical model with its step prices multiplied; its overheads, range, noise and conditions stay. */
export function scalePrices(model: LatencyModel, { prefill, decode }: PriceFactors): LatencyModel {
  const json = model.toJson();
  const step = json.step as Readonly<Record<string, number>>;
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

/**
 * The factors with the least error, found by searching one after the other on ever finer grids, from 1/8 to 8 times.
 * @param errorOf error with these factors; undefined where there is none
 */
export function searchFactors(
  errorOf: (factors: PriceFactors) => number | undefined,
): { readonly factors: PriceFactors; readonly error: number } | undefined {
  let factors: PriceFactors = { prefill: 1, decode: 1 };
  const atStart = errorOf(factors);
  if (atStart === undefined) return undefined;
  let error = atStart;
  for (const ratio of [2, Math.SQRT2, 1.15, 1.05, 1.02])
    for (const name of ["prefill", "decode", "prefill"] as const)
      for (const direction of [ratio, 1 / ratio])
        for (let step = 0; step < 3; step++) {
          const next = { ...factors, [name]: factors[name] * direction };
          const nextError = errorOf(next);
          if (nextError === undefined || nextError >= error) break;
          factors = next;
          error = nextError;
        }
  return { factors, error };
}
