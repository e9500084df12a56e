import { requireFinite } from "../base/index.js";
import type { StepLoad } from "./latency-model.js";

/**
 * What a step costs: a non-negative price for each quantity of its {@link StepLoad}. Prices are milliseconds per
 * unit, so that a step takes `stepMs + prefillTokenMs * prefillTokens + ...`. The linear form follows from what a
 * step does: a launch and a pass over the weights, matrix products that grow with tokens, attention that grows
 * with tokens times depth, and per-sequence work (sampling, block tables, detokenizing).
 */
export interface StepCoefficients {
  readonly stepMs: number;
  readonly prefillTokenMs: number;
  readonly prefillTokenDepthMs: number;
  readonly prefillSeqMs: number;
  readonly decodeSeqMs: number;
  readonly decodeContextTokenMs: number;
  /** Mixtures of experts only: a pass over all experts, of which a step reads a share. See `step-form.ts`. */
  readonly expertPassMs?: number;
}

/** The prices that every model has. */
export type StepPriceName = Exclude<keyof StepCoefficients, "expertPassMs">;

/** Work outside the engine's steps, seen in an isolated request's TTFT beside its prefill. */
export interface OverheadCoefficients {
  /** Per request: connection, parsing, the way back of the first token. */
  readonly requestMs: number;
  /** Per prompt token, cached or not: tokenizing, hashing blocks. */
  readonly promptTokenMs: number;
}

/** How a coefficient is called on the wire, its unit, and what it pays for. */
export interface CoefficientDescription {
  readonly wireName: string;
  readonly unit: string;
  readonly meaning: string;
}

/**
 * Every step coefficient, in the order of a regression row.
 * @example
 * ```ts
 * import { stepCoefficientTable } from "prefixlab/latency";
 * stepCoefficientTable.prefillTokenMs;
 * // → { wireName: "prefill_token_ms", unit: "ms/token", meaning: "a prompt token computed" }
 * ```
 */
export const stepCoefficientTable: Readonly<Record<StepPriceName, CoefficientDescription>> = {
  stepMs: { wireName: "step_ms", unit: "ms/step", meaning: "any step" },
  prefillTokenMs: { wireName: "prefill_token_ms", unit: "ms/token", meaning: "a prompt token computed" },
  prefillTokenDepthMs: {
    wireName: "prefill_token_depth_ms",
    unit: "ms/token^2",
    meaning: "attention of a prompt token to one token before it",
  },
  prefillSeqMs: { wireName: "prefill_seq_ms", unit: "ms/chunk", meaning: "a prefill chunk in the step" },
  decodeSeqMs: { wireName: "decode_seq_ms", unit: "ms/sequence", meaning: "a sequence that decodes" },
  decodeContextTokenMs: {
    wireName: "decode_context_token_ms",
    unit: "ms/token",
    meaning: "attention of a decode to one token of its context",
  },
};

/**
 * Every overhead coefficient, in the order of a regression row.
 * @example
 * ```ts
 * import { overheadCoefficientTable } from "prefixlab/latency";
 * overheadCoefficientTable.requestMs;
 * // → { wireName: "request_ms", unit: "ms/request", meaning: "a request outside the engine's steps" }
 * ```
 */
export const overheadCoefficientTable: Readonly<Record<keyof OverheadCoefficients, CoefficientDescription>> =
  {
    requestMs: {
      wireName: "request_ms",
      unit: "ms/request",
      meaning: "a request outside the engine's steps",
    },
    promptTokenMs: {
      wireName: "prompt_token_ms",
      unit: "ms/token",
      meaning: "a prompt token outside the engine's steps, cached or not",
    },
  };

/**
 * Names of {@link StepCoefficients} in the order of a regression row.
 * @example
 * ```ts
 * import { stepCoefficientNames } from "prefixlab/latency";
 * stepCoefficientNames;
 * // → ["stepMs", "prefillTokenMs", "prefillTokenDepthMs", "prefillSeqMs", "decodeSeqMs", "decodeContextTokenMs"]
 * ```
 */
export const stepCoefficientNames = Object.keys(stepCoefficientTable) as readonly StepPriceName[];

/** {@link StepCoefficients.expertPassMs}, which only a mixture of experts has. */
export const expertPassDescription: CoefficientDescription = {
  wireName: "expert_pass_ms",
  unit: "ms/step",
  meaning: "reading all experts; a step reads the share that its tokens are sent to",
};

/**
 * Duration of a step with this load at these prices, ms, where its parts come one after the other; without reading experts.
 * @example
 * ```ts
 * import { emptyStepLoad, priceStep } from "prefixlab/latency";
 * const free = { prefillTokenDepthMs: 0, prefillSeqMs: 0, decodeContextTokenMs: 0 };
 * const prices = { ...free, stepMs: 4, prefillTokenMs: 0.05, decodeSeqMs: 0.1 };
 * priceStep(prices, { ...emptyStepLoad(), decodeSeqs: 10 }); // → 5
 * ```
 */
export function priceStep(prices: StepCoefficients, load: StepLoad): number {
  return (
    prices.stepMs +
    prices.prefillTokenMs * load.prefillTokens +
    prices.prefillTokenDepthMs * load.prefillTokenDepth +
    prices.prefillSeqMs * load.prefillSeqs +
    prices.decodeSeqMs * load.decodeSeqs +
    prices.decodeContextTokenMs * load.decodeContextTokens
  );
}

/**
 * Checks that every coefficient is a finite number >= 0 and returns them.
 * @throws InputError naming the first that is not
 */
export function requireCoefficients<T extends object>(where: string, coefficients: T): T {
  for (const [name, value] of Object.entries(coefficients)) requireFinite(where, name, value, 0);
  return coefficients;
}
