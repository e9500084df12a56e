import { describeValue, InputError } from "../base/index.js";
import { empiricalModelFromJson } from "./empirical-model.js";
import type { LatencyModel } from "./latency-model.js";
import { conditionsFromJson, withConditions } from "./model-conditions.js";
import { physicalModelFromJson } from "./physical-model.js";

/**
 * Reads a model back from what its `toJson` wrote.
 * @param json the parsed JSON
 * @throws InputError when it is no latency model, or one of a form that is not known
 * @example
 * ```ts
 * import { latencyModelFromJson, latencyProfile } from "prefixlab";
 * const text = JSON.stringify(latencyProfile("h200-qwen3-8b").toJson());
 * latencyModelFromJson(JSON.parse(text)).kind; // → "profile:h200-qwen3-8b"
 * ```
 */
export function latencyModelFromJson(json: unknown): LatencyModel {
  if (json === null || typeof json !== "object" || Array.isArray(json))
    throw new InputError(`latencyModelFromJson: expected an object, got ${describeValue(json)}`);
  const parts = json as Readonly<Record<string, unknown>>;
  return withConditions(modelOfForm(parts), conditionsFromJson(parts));
}

function modelOfForm(parts: Readonly<Record<string, unknown>>): LatencyModel {
  if (parts.form === "physical") return physicalModelFromJson(parts);
  if (parts.form === "empirical") return empiricalModelFromJson(parts);
  throw new InputError(
    `latencyModelFromJson: form must be "physical" or "empirical", got ${describeValue(parts.form)}`,
  );
}
