import { commonValue } from "../base/index.js";
import { type ModelShape, shapeOfModel } from "../hardware/index.js";
import type { Trace } from "../trace/index.js";

/** The shape of the model that all traces name; undefined where they name none, several, or one that is not known. */
export function shapeOfTraces(traces: readonly Trace[]): ModelShape | undefined {
  const name = commonValue(traces.map(({ meta }) => meta.model));
  return name === undefined ? undefined : shapeOfModel(name);
}
