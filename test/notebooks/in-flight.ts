import type { TraceRecord } from "../../lib/trace/index.js";

/** Arrival and last token of a request that completed. */
export function spanMs({ arrivalMs, ttftMs, itlMs }: TraceRecord): {
  readonly from: number;
  readonly to: number;
} {
  const from = arrivalMs as number;
  return { from, to: from + (ttftMs as number) + Array.from(itlMs ?? []).reduce((sum, gap) => sum + gap, 0) };
}

/** Most requests at once, counted at arrivals and last tokens. */
export function mostInFlight(records: readonly TraceRecord[]): number {
  const events = records.map(spanMs).flatMap(({ from, to }) => [
    { atMs: from, by: 1 },
    { atMs: to, by: -1 },
  ]);
  let [inFlight, peak] = [0, 0];
  for (const { by } of events.sort((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    inFlight += by;
    peak = Math.max(peak, inFlight);
  }
  return peak;
}
