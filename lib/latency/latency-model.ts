import type { Bytes, Ms, Tokens } from "../base/index.js";
import type { EngineSettings } from "../settings/index.js";

/**
 * What one engine step computes, summed over the batch. The engine fills one such object a step and reuses it.
 * A prefill chunk of t tokens at depth d0..d1 (d1 = d0 + t) adds t to `prefillTokens` and (d1^2 - d0^2) / 2 to
 * `prefillTokenDepth`: attention cost grows with the tokens already there.
 */
export interface StepLoad {
  prefillTokens: Tokens;
  prefillTokenDepth: number;
  /** Prefill chunks in the step. */
  prefillSeqs: number;
  /** Sequences that decode one token in the step. */
  decodeSeqs: number;
  /** Sum of the context lengths of the decoding sequences. */
  decodeContextTokens: Tokens;
}

/**
 * The load of a step that computes nothing, to be filled in.
 * @example
 * ```ts
 * import { emptyStepLoad } from "prefixlab/latency";
 * emptyStepLoad();
 * // → { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0, decodeSeqs: 0, decodeContextTokens: 0 }
 * ```
 */
export function emptyStepLoad(): StepLoad {
  return { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0, decodeSeqs: 0, decodeContextTokens: 0 };
}

/** A fit's range on one axis: outside it the model extrapolates. */
export interface FitRange {
  readonly uncachedTokens: readonly [Tokens, Tokens];
  readonly contextTokens: readonly [Tokens, Tokens];
  readonly runningSeqs: readonly [number, number];
}

/** What a card holds of a model's KV cache. */
export interface ModelMemory {
  /** KV that fits beside the weights. */
  readonly poolTokens: Tokens;
  readonly kvBytesPerToken: Bytes;
}

/** What a fitted model rests on. */
export interface ModelEvidence {
  /** The engine and its version, where the captures tell them. */
  readonly engine?: string;
  readonly engineVersion?: string;
  /** Replayed with the model, how far the data that it was fitted on come out: modeled / captured - 1, one entry a capture. */
  readonly inSample: readonly {
    readonly quantity: string;
    readonly statistic: string;
    readonly error: number;
  }[][];
  /** What the fit leaves of its observations: quantiles of observed / predicted - 1. */
  readonly residuals: readonly {
    readonly of: string;
    readonly n: number;
    readonly p05: number;
    readonly p50: number;
    readonly p95: number;
  }[];
}

/**
 * Predicts how long engine steps take. Fitted on a trace, or built from a profile of documented constants.
 * The engine asks a {@link StepTimer} once a step; everything random comes from the timer's seed.
 */
export interface LatencyModel {
  /** "physical", "empirical", "profile:h200-qwen3-8b", ... */
  readonly kind: string;
  readonly range: FitRange;
  /** Settings of the engine that it was fitted on, as far as its captures tell them alike. */
  readonly fittedAt?: Partial<EngineSettings>;
  /** Memory of the card that a profile stands for. */
  readonly memory?: ModelMemory;
  /** What it rests on, where it was fitted. */
  readonly evidence?: ModelEvidence;
  /** What to know beside its predictions: what they rest on, how far they were off elsewhere, what they leave out. */
  readonly notes?: readonly string[];
  /** A fresh timer: the same seed gives the same times. */
  timer(seed: number | string): StepTimer;
  /** The model as JSON, readable back by `latencyModelFromJson`. */
  toJson(): { readonly kind: string; readonly [key: string]: unknown };
}

/** One run's source of step times. */
export interface StepTimer {
  /** Duration of a step with this load, > 0. */
  stepMs(load: StepLoad): Ms;
  /** Client to scheduler: parsing, tokenizing, queueing outside the engine. Delays admission, >= 0. */
  arrivalOverheadMs(promptTokens: Tokens): Ms;
  /** Scheduler to client: delays this request's emissions alone, all of them by the same amount, >= 0. */
  emissionOverheadMs(): Ms;
}
