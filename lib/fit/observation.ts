import type { Ms, Tokens } from "../base/index.js";
import type { StepLoad } from "../latency/index.js";
import type { TraceRecord } from "../trace/index.js";
import type { PrefillStep } from "./prefill-steps.js";

/**
 * One measured duration and the work behind it.
 *
 * - "isolated": the TTFT of a request that had the engine to itself: overheads and the steps of its prefill, no
 *   waiting.
 * - "decode": a gap between two tokens of a request in which only decodes ran.
 * - "chunk": a gap in which a prefill chunk ran as well.
 * - "span": first to last token of a request whose gaps were not recorded.
 * - "service": scheduled to first token, under load.
 */
export interface Observation {
  readonly kind: "isolated" | "decode" | "chunk" | "span" | "service";
  readonly ms: Ms;
  /** Steps in it. A gap is one step. */
  readonly steps: number;
  /** Summed over its steps. */
  readonly load: StepLoad;
  /** The prefills among its steps, where there are several kinds of step in it. Default: all its prefills are alike. */
  readonly prefillSteps?: readonly PrefillStep[];
  /** Prompt of the request, cached tokens included. */
  readonly promptTokens: Tokens;
  /** Share of the step it stands for: gaps of n requests in one step count 1/n each. */
  readonly share: number;
  /** Equal for consecutive gaps of one request. */
  readonly run: number;
}

/** Observations of one or more traces, and what was left out. */
export interface ObservationSet {
  readonly observations: readonly Observation[];
  /** How many gaps or TTFTs were left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
  readonly warnings: readonly string[];
}

/** Which records of a trace a fit learns from; the others only load the engine. */
export type RecordFilter = (record: TraceRecord, index: number) => boolean;

/** Why a record that is not to be fitted on is left out. */
export const loadOnly = "records that are not to be fitted on: they only load the engine";
