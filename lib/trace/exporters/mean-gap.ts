import type { Ms } from "../../base/index.js";
import { decodeMs, type TraceRecord } from "../trace.js";

/**
 * Mean time per output token, ms: the time from first to last token over the output tokens after the first, as TPOT is
 * defined, whatever the number of chunks that they came in. Undefined where no gap is known or there is one token only.
 */
export function meanGapMs(record: TraceRecord): Ms | undefined {
  const totalMs = decodeMs(record);
  const tokens = record.outputTokens - 1;
  if (totalMs === undefined || tokens < 1) return undefined;
  // The product and quotient of one number need not give the mean back to the last digit.
  return !record.itlMs && record.itlSummary?.count === tokens ? record.itlSummary.meanMs : totalMs / tokens;
}
