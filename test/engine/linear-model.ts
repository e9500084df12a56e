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

/**
 * The same model on engines of which each is a little slower than the one before, told by their seeds (0, 1, ... or "0/replica 1"):
 * no two end their steps at one instant.
 */
export function unequal(model: LatencyModel): LatencyModel {
  return {
    ...model,
    timer: (seed) => {
      const timer = model.timer(seed);
      const index = Number(String(seed).split(" ").at(-1));
      return { ...timer, stepMs: (load) => timer.stepMs(load) * (1 + 0.0013717 * index) };
    },
  };
}
