import type { BlockTable } from "../block-table.js";
import type { RowProblem, TraceMeta, TraceRecord } from "../trace.js";
import { type ReadRowsOptions, readTraceBatches } from "./read-trace-batches.js";

/** A trace as a stream of records in file order. The rest is complete once the iteration is over. */
export interface TraceRows extends AsyncIterable<TraceRecord> {
  readonly meta: TraceMeta;
  readonly blocks: BlockTable;
  /** The first thousand rows that were left out. */
  readonly rejected: readonly RowProblem[];
  readonly rejectedCount: number;
  readonly warnings: readonly RowProblem[];
}

const keptProblems = 1000;

/**
 * Streams a trace in the tap schema: JSON lines, an optional `{"meta": ...}` line before the first record, and behind the last
 * one `{"end": {"records": N}}`, where the writer closed the file (several where it was continued). Memory is bounded by a chunk of the file, the longest line, and the table of distinct block hashes.
 *
 * A row that cannot be used is left out and counted with its line number and reason. What concerns the whole file
 * (units, order, duplicates, a stream cut off, a recording that was not closed) becomes a warning when the iteration ends.
 * @throws InputError (from the iteration) when the file cannot be read, is no trace at all, holds no usable
 * record, or, with `strict`, at the first bad row
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { readTraceRows } from "prefixlab/trace/files";
 * let promptTokens = 0;
 * for await (const record of readTraceRows(`${dataDir()}/warm-1.jsonl.gz`)) promptTokens += record.promptTokens;
 * promptTokens; // → 522240
 * ```
 */
export function readTraceRows(path: string, options: ReadRowsOptions = {}): TraceRows {
  const source = readTraceBatches(path, options, keptProblems);
  return {
    get meta() {
      return source.meta;
    },
    blocks: source.blocks,
    rejected: source.rejected,
    get rejectedCount() {
      return source.rejectedCount;
    },
    warnings: source.warnings,
    [Symbol.asyncIterator]: () => oneByOne(source.batches()),
  };
}

/** Written out by hand: delegating to a generator would cost several microtasks a record. */
function oneByOne(batches: AsyncGenerator<TraceRecord[], void>): AsyncIterator<TraceRecord, void> {
  let batch: TraceRecord[] = [];
  let at = 0;
  return {
    async next() {
      while (at === batch.length) {
        const { done, value } = await batches.next();
        if (done) return { done: true, value: undefined };
        batch = value;
        at = 0;
      }
      return { done: false, value: batch[at++] };
    },
    async return() {
      await batches.return();
      return { done: true, value: undefined };
    },
  };
}
