import type { LatencyModel, StepLoad } from "../../lib/latency/index.js";

/** A deterministic model with round coefficients, so that expected times can be worked out by hand. */
export function linearModel(
  coefficients: Partial<
    Record<"base" | "prefill" | "depth" | "decode" | "context" | "arrival" | "emission", number>
  >,
): LatencyModel {
  const {
    base = 0,
    prefill = 0,
    depth = 0,
    decode = 0,
    context = 0,
    arrival = 0,
    emission = 0,
  } = coefficients;
  return {
    kind: "linear",
    range: { uncachedTokens: [0, 1e9], contextTokens: [0, 1e9], runningSeqs: [0, 1e9] },
    timer: () => ({
      stepMs: (load: StepLoad) =>
        base +
        prefill * load.prefillTokens +
        depth * load.prefillTokenDepth +
        decode * load.decodeSeqs +
        context * load.decodeContextTokens,
      arrivalOverheadMs: () => arrival,
      emissionOverheadMs: () => emission,
    }),
    toJson: () => ({ kind: "linear" }),
  };
}

/** A model in which everything costs something. */
export const everyCost = linearModel({
  base: 3,
  prefill: 0.5,
  depth: 0.01,
  decode: 0.25,
  context: 0.002,
  arrival: 1,
  emission: 2,
});
