import type { Ms } from "../base/index.js";
import type { TraceRecord } from "../trace/index.js";

/**
 * When the scheduler first admitted the request, ms since the start of the capture: its arrival plus `waiting_ms`,
 * where a source records what a request waited in the engine. Undefined where it does not.
 */
export function scheduledMs({ arrivalMs, extra }: TraceRecord): Ms | undefined {
  const waitingMs = extra?.waiting_ms;
  if (typeof waitingMs !== "number" || arrivalMs === undefined || !(waitingMs >= 0)) return undefined;
  return arrivalMs + waitingMs;
}
