import type { Ms } from "../base/index.js";
import type { TraceRecord } from "../trace/index.js";

/**
 * When the scheduler first admitted the request, ms since the start of the capture: `scheduled_ms` among the
 * record's other fields, as ms after its arrival. Undefined where the source does not say.
 */
export function scheduledMs(record: TraceRecord): Ms | undefined {
  const after = record.extra?.scheduled_ms;
  if (typeof after !== "number" || record.arrivalMs === undefined || !(after >= 0)) return undefined;
  return record.arrivalMs + after;
}
