import { InvariantError } from "../../base/index.js";
import { type CardName, shapeOfModel } from "../../hardware/index.js";
import { analyticModel } from "../analytic-model.js";
import type { LatencyModel } from "../latency-model.js";

/** Models on single cards, by the profile's name: analytic timings, weights in bf16. */
const onCards: Readonly<Record<string, readonly [CardName, string]>> = {
  "h100-qwen3-8b": ["h100", "Qwen/Qwen3-8B"],
  "h100-qwen3-30b-a3b": ["h100", "Qwen/Qwen3-30B-A3B"],
  "h100-llama-3.1-8b": ["h100", "meta-llama/Llama-3.1-8B"],
  "h200-qwen3-32b": ["h200", "Qwen/Qwen3-32B"],
  "h200-llama-3.1-8b": ["h200", "meta-llama/Llama-3.1-8B"],
  "b200-qwen3-32b": ["b200", "Qwen/Qwen3-32B"],
  "b200-llama-3.1-70b": ["b200", "meta-llama/Llama-3.1-70B"],
  "a100-llama-3.1-8b": ["a100", "meta-llama/Llama-3.1-8B"],
  "l40s-llama-3.1-8b": ["l40s", "meta-llama/Llama-3.1-8B"],
  "rtx-pro-6000-qwen3-32b": ["rtx-pro-6000", "Qwen/Qwen3-32B"],
};

/** The profiles that are a model's shape on a card, see {@link analyticModel}. */
export const analyticProfiles: Readonly<Record<string, () => LatencyModel>> = Object.fromEntries(
  Object.entries(onCards).map(([name, [card, model]]) => [name, () => profileOf(name, card, model)]),
);

function profileOf(name: string, card: CardName, model: string): LatencyModel {
  const shape = shapeOfModel(model);
  if (!shape) throw new InvariantError(`the profile ${name} names ${model}, whose shape is not known`);
  return analyticModel({ shape, card, kind: `profile:${name}` });
}
