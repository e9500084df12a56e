import { inArrivalOrder } from "../in-arrival-order.js";
import type { Trace, TraceRecord } from "../trace.js";
import { type ReadTraceOptions, readTraceBatches } from "./read-trace-batches.js";

/**
 * Reads a whole trace in the tap schema into memory, in order of arrival: ties and records without an arrival keep
 * file order, the latter behind all others.
 * @throws InputError when the file cannot be read, is no trace at all, holds no usable record, or, with `strict`, at
 * the first bad row
 * @example
 * ```ts
 * import { dataDir, readTrace } from "prefixlab";
 * const trace = await readTrace(`${dataDir()}/warm-1.jsonl.gz`);
 * [trace.records.length, trace.rejected.length]; // → [320, 0]
 * trace.records[1].ttftMs; // → 49.68
 * ```
 */
export async function readTrace(path: string, options: ReadTraceOptions = {}): Promise<Trace> {
  const rows = readTraceBatches(path, options, Number.POSITIVE_INFINITY);
  const records: TraceRecord[] = [];
  for await (const batch of rows.batches()) for (const record of batch) records.push(record);
  return {
    meta: rows.meta,
    records: inArrivalOrder(records),
    blocks: rows.blocks,
    rejected: rows.rejected,
    warnings: rows.warnings,
  };
}
