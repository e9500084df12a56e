import { InputError, requireFinite } from "../base/index.js";
import type { FitRange } from "./latency-model.js";

export type { FitRange } from "./latency-model.js";

const wireNames = {
  uncachedTokens: "uncached_tokens",
  contextTokens: "context_tokens",
  runningSeqs: "running_seqs",
} as const;

/** The range under its wire names. */
export function fitRangeToJson(range: FitRange): Record<string, readonly [number, number]> {
  return {
    [wireNames.uncachedTokens]: range.uncachedTokens,
    [wireNames.contextTokens]: range.contextTokens,
    [wireNames.runningSeqs]: range.runningSeqs,
  };
}

/**
 * The range from its wire names.
 * @throws InputError when an axis is missing or no [lowest, highest]
 */
export function fitRangeFromJson(json: unknown): FitRange {
  const given = (json ?? {}) as Record<string, unknown>;
  const axis = (wireName: string): readonly [number, number] => {
    const pair = given[wireName];
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new InputError(`latencyModelFromJson: range.${wireName} must be [lowest, highest]`);
    const low = requireFinite("latencyModelFromJson", `range.${wireName}[0]`, pair[0], 0);
    return [low, requireFinite("latencyModelFromJson", `range.${wireName}[1]`, pair[1], low)];
  };
  return {
    uncachedTokens: axis(wireNames.uncachedTokens),
    contextTokens: axis(wireNames.contextTokens),
    runningSeqs: axis(wireNames.runningSeqs),
  };
}

/** A request, as far as a fit range is concerned. */
export interface RangedRequest {
  readonly uncachedTokens: number;
  /** Prompt and output together, at the request's end. */
  readonly contextTokens: number;
  readonly runningSeqs: number;
}

/**
 * True when the model has to extrapolate for this request: on any axis it lies beyond what was fitted.
 * @example
 * ```ts
 * import { isExtrapolated } from "prefixlab/latency";
 * const range = { uncachedTokens: [16, 2048], contextTokens: [16, 8192], runningSeqs: [1, 16] } as const;
 * isExtrapolated(range, { uncachedTokens: 500, contextTokens: 2000, runningSeqs: 8 }); // → false
 * isExtrapolated(range, { uncachedTokens: 500, contextTokens: 2000, runningSeqs: 40 }); // → true
 * ```
 */
export function isExtrapolated(range: FitRange, request: RangedRequest): boolean {
  return (
    beyond(range.uncachedTokens, request.uncachedTokens) ||
    beyond(range.contextTokens, request.contextTokens) ||
    beyond(range.runningSeqs, request.runningSeqs)
  );
}

function beyond(axis: readonly [number, number], value: number): boolean {
  return value < axis[0] || value > axis[1];
}
