import type { TraceRecord } from "./trace.js";

/**
 * Records sorted by arrival, stably; those without an arrival last. The same array when it is in order already.
 * @example
 * ```ts
 * import { inArrivalOrder } from "prefixlab/trace";
 * const [late, early] = [300, 20].map((arrivalMs) => ({ arrivalMs, promptTokens: 100, outputTokens: 24 }));
 * inArrivalOrder([late, early]).map(({ arrivalMs }) => arrivalMs); // → [20, 300]
 * ```
 */
export function inArrivalOrder(records: TraceRecord[]): TraceRecord[] {
  let last = Number.NEGATIVE_INFINITY;
  const ordered = records.every((record) => {
    const at = record.arrivalMs ?? Number.POSITIVE_INFINITY;
    const fine = at >= last;
    last = at;
    return fine;
  });
  if (ordered) return records;
  return records.toSorted((a, b) => {
    const from = a.arrivalMs ?? Number.POSITIVE_INFINITY;
    const to = b.arrivalMs ?? Number.POSITIVE_INFINITY;
    return from === to ? 0 : from - to;
  });
}
