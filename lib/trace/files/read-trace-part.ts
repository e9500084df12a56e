import type { BlockTable } from "../block-table.js";
import type { RowProblem, TraceRecord } from "../trace.js";
import { FileFacts, type FileFactsState } from "./file-facts.js";
import { type ReadRowsOptions, readTraceBatches, requireRecords } from "./read-trace-batches.js";
import { placeBefore, type TraceOutline } from "./trace-outline.js";

const keptProblems = 1000;

/** Lines of a part of a file, from 1: see {@link readTracePart}. */
export interface PartLines {
  readonly fromLine: number;
  readonly ownLine: number;
  readonly toLine: number;
}

/** A part of a trace as a stream. The rest is complete once the iteration is over. */
export interface TracePartRows {
  readonly blocks: BlockTable;
  /** Each batch with the lines of its records. */
  batches(): AsyncGenerator<{ readonly records: readonly TraceRecord[]; readonly lines: readonly number[] }>;
  /** The line of the first record behind the part, if there is one. */
  readonly nextRecordLine: number | undefined;
  /** What the part tells beside its records, once all was read. */
  facts(): FileFactsState;
}

/**
 * Reads lines `fromLine` to `toLine` of a trace, the latter not included. What the file tells beside its records is taken
 * of lines from `ownLine` on: parts whose own lines follow each other tell together what the whole file does
 * ({@link mergeFacts}).
 * @throws InputError (from the iteration) as `readTraceRows` does
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { outlineTrace, readTracePart } from "prefixlab/trace/files";
 * const path = `${dataDir()}/warm-1.jsonl.gz`;
 * const rows = readTracePart(path, await outlineTrace(path), { fromLine: 100, ownLine: 100, toLine: 110 });
 * let records = 0;
 * for await (const batch of rows.batches()) records += batch.records.length;
 * [records, rows.nextRecordLine]; // → [10, 110]
 * ```
 */
export function readTracePart(
  path: string,
  outline: TraceOutline,
  lines: PartLines,
  options: ReadRowsOptions = {},
): TracePartRows {
  let numbers: number[] = [];
  const { metaLine, meta } = outline;
  const part = { metaLine, meta, ...placeBefore(outline, lines.fromLine), ...lines };
  const source = readTraceBatches(
    path,
    { ...options, part, onRecord: (_, line) => numbers.push(line) },
    keptProblems,
  );
  return {
    blocks: source.blocks,
    facts: () => source.facts.state(),
    get nextRecordLine() {
      return source.nextRecordLine;
    },
    async *batches() {
      for await (const records of source.batches()) {
        const batch = { records, lines: numbers };
        numbers = [];
        yield batch;
      }
    },
  };
}

/** What a file tells beside its records. */
export interface MergedFacts {
  readonly records: number;
  /** The first thousand rows that were left out. */
  readonly rejected: readonly RowProblem[];
  readonly rejectedCount: number;
  readonly warnings: readonly RowProblem[];
}

/**
 * The facts of a whole file from those of its parts, in order.
 * @throws InputError when no part holds a record that can be used
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { mergeFacts, outlineTrace, readTracePart } from "prefixlab/trace/files";
 * const path = `${dataDir()}/warm-1.jsonl.gz`;
 * const rows = readTracePart(path, await outlineTrace(path), { fromLine: 1, ownLine: 1, toLine: 1e9 });
 * for await (const _ of rows.batches());
 * const { records, rejectedCount } = mergeFacts(path, [rows.facts()]);
 * [records, rejectedCount]; // → [320, 0]
 * ```
 */
export function mergeFacts(path: string, parts: readonly FileFactsState[]): MergedFacts {
  const facts = new FileFacts(path, keptProblems);
  for (const part of parts) facts.merge(part);
  requireRecords(path, facts);
  const { records, rejected, rejectedCount } = facts;
  return { records, rejected, rejectedCount, warnings: facts.warnings() };
}
