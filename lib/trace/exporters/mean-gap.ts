import type { Ms } from "../../base/index.js";
import { decodeMs, type TraceRecord } from "../trace.js";

/** Mean time between output tokens, ms: time from first to last token over the tokens after the first chunk. */
export function meanGapMs(record: TraceRecord): Ms | undefined {
  const totalMs = decodeMs(record);
  if (totalMs === undefined) return undefined;
  const gaps = record.itlTokens
    ? record.itlTokens.reduce((sum, tokens) => sum + tokens, 0)
    : (record.itlMs?.length ?? record.itlSummary?.count ?? 0);
  return gaps === 0 ? undefined : totalMs / gaps;
}
