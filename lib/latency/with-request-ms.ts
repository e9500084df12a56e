import { InputError, type Ms } from "../base/index.js";
import type { LatencyModel } from "./latency-model.js";
import { latencyModelFromJson } from "./latency-model-json.js";

/**
 * The physical model with another time of a request outside the engine's steps; all else stays.
 * @throws InputError for a model that has no such price
 * @example
 * ```ts
 * import { latencyProfile } from "prefixlab";
 * import { withRequestMs } from "prefixlab/latency";
 * withRequestMs(latencyProfile("h200-qwen3-8b"), 12).timer(1).arrivalOverheadMs(1000); // → 12
 * ```
 */
export function withRequestMs(model: LatencyModel, requestMs: Ms): LatencyModel {
  const json = model.toJson();
  const overhead = json.overhead as Readonly<Record<string, number>> | undefined;
  if (!overhead)
    throw new InputError(
      `withRequestMs: a model of the kind "${model.kind}" has no request_ms: fit a physical one`,
    );
  return latencyModelFromJson({ ...json, overhead: { ...overhead, request_ms: requestMs } });
}
