import type { TraceRecord } from "../../lib/trace/index.js";

/** A finished request, with whatever else is given. */
export function recordOf(given: Partial<TraceRecord> = {}): TraceRecord {
  return { promptTokens: 100, outputTokens: 1, finishReason: "stop", ...given };
}

/** Records that arrived, answered with these gaps after their first token. */
export function timedRecord(
  arrivalMs: number,
  ttftMs: number,
  gapsMs: readonly number[],
  given: Partial<TraceRecord> = {},
): TraceRecord {
  return recordOf({
    arrivalMs,
    ttftMs,
    outputTokens: 1 + gapsMs.length,
    itlMs: Float64Array.from(gapsMs),
    ...given,
  });
}
