import { InputError } from "../../base/index.js";
import type { LatencyModel } from "../latency-model.js";
import { analyticProfiles } from "./analytic-profiles.js";
import { h200Qwen3 } from "./h200-qwen3-8b.js";
import { vllmVcrPublished } from "./vllm-vcr-published.js";

const profiles: Readonly<Record<string, () => LatencyModel>> = {
  "h200-qwen3-8b": h200Qwen3,
  ...analyticProfiles,
  "vllm-vcr-published": vllmVcrPublished,
};

/**
 * Names that {@link latencyProfile} knows.
 * @example
 * ```ts
 * import { profileNames } from "prefixlab";
 * profileNames().slice(0, 2); // → ["h200-qwen3-8b", "h100-qwen3-8b"]
 * ```
 */
export function profileNames(): string[] {
  return Object.keys(profiles);
}

/**
 * A latency model that ships with the library: a few documented constants in place of a fit, or a model's shape on a card.
 * @throws InputError naming the profiles there are, when `name` is none of them
 * @example
 * ```ts
 * import { latencyProfile } from "prefixlab";
 * import { emptyStepLoad } from "prefixlab/latency";
 * const model = latencyProfile("h200-qwen3-8b");
 * const chunk = { prefillTokens: 2048, prefillTokenDepth: 2048 ** 2 / 2, prefillSeqs: 1 };
 * model.timer(1).stepMs({ ...emptyStepLoad(), ...chunk }); // → 55.11
 * ```
 */
export function latencyProfile(name: string): LatencyModel {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (!profile)
    throw new InputError(
      `latencyProfile: no profile ${JSON.stringify(name)}, there is ${profileNames().join(", ")}`,
    );
  return profile();
}
