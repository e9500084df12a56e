import { describeValue, InputError } from "../base/index.js";
import { analyticModelFromJson } from "./analytic-model.js";
import { empiricalModelFromJson } from "./empirical-model.js";
import type { LatencyModel } from "./latency-model.js";
import { conditionsFromJson, withConditions } from "./model-conditions.js";
import { physicalModelFromJson } from "./physical-model.js";

const forms: Readonly<Record<string, (json: Readonly<Record<string, unknown>>) => LatencyModel>> = {
  physical: physicalModelFromJson,
  empirical: empiricalModelFromJson,
  analytic: analyticModelFromJson,
};

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
  if (typeof parts.form !== "string" || !Object.hasOwn(forms, parts.form)) {
    const known = Object.keys(forms).map((form) => `"${form}"`);
    throw new InputError(
      `latencyModelFromJson: form must be ${known.join(" or ")}, got ${describeValue(parts.form)}`,
    );
  }
  return withConditions(forms[parts.form](parts), conditionsFromJson(parts));
}
