import type { Observation } from "../../lib/fit/observation.js";
import { emptyStepLoad, type StepLoad } from "../../lib/latency/index.js";

/** An observation of one step without load, with whatever else is given. */
export function observationOf(
  given: Partial<Omit<Observation, "load">> & { load?: Partial<StepLoad> },
): Observation {
  const { load, ...rest } = given;
  return {
    kind: "decode",
    ms: 10,
    steps: 1,
    promptTokens: 100,
    share: 1,
    run: 0,
    ...rest,
    load: { ...emptyStepLoad(), ...load },
  };
}
