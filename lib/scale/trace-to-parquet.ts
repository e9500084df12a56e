import type { SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { requireInteger, WorkError } from "../base/index.js";
import { outputFile, replaceFile } from "../output/index.js";
import { requestFields } from "../table/index.js";
import { type ReadProgress, readTraceRows } from "../trace/files/index.js";
import { type ParquetColumn, type ParquetRow, parquetColumns } from "./parquet-columns.js";
import type { LabelledRow } from "./session-windows.js";
import { tableBlocks } from "./trace-part.js";
import { windowedSessions } from "./windowed-sessions.js";

/** How to convert. */
export interface ParquetOptions {
  /** Also write the columns `block_hashes` and `itl_ms`, which are most of a trace. Default false. */
  readonly lists?: boolean;
  /** Rows in a row group, and in memory while it is written. Default 100,000. */
  readonly rowGroupRows?: number;
  /** As in `windowedSessions`. */
  readonly windowRequests?: number;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/**
 * Converts a trace in the tap schema to a Parquet table, one row a request in order of arrival, with what the hash
 * chains tell about it: `session`, `turn`, `parent`. Streams: memory is bounded by a window of requests and a row group.
 * `SQL.md` lists the columns. The table appears under its name when it is whole: a conversion that fails leaves an
 * earlier file there as it was.
 * @returns rows written
 * @throws InputError as `readTraceRows` does
 * @throws WorkError when the file cannot be written
 */
export async function traceToParquet(
  tracePath: string,
  parquetPath: string,
  options: ParquetOptions = {},
): Promise<number> {
  const { lists = false, windowRequests, onProgress } = options;
  const groupRows = requireInteger("traceToParquet", "rowGroupRows", options.rowGroupRows ?? 100_000, 1);
  const columns = parquetColumns.filter((column) => lists || !column.list);
  // Written in several openings, each behind the last one, which only a file allows.
  if (!(await outputFile(parquetPath)).replaceable)
    throw new WorkError(`${parquetPath}: cannot be written: expected a file or a new name`);
  const rows = readTraceRows(tracePath, { maxBlocks: tableBlocks, ...(onProgress && { onProgress }) });
  const labelled = windowedSessions(rows, {
    ...(windowRequests !== undefined && { windowRequests }),
    keep: (record, blocks): ParquetRow => ({
      ...requestFields(record),
      ...(lists && {
        itlMs: record.itlMs && Array.from(record.itlMs),
        blockHashes:
          record.blockIds &&
          Array.from(record.blockIds, (id) => (BigInt(blocks.high(id)) << 32n) | BigInt(blocks.low(id))),
      }),
    }),
  });
  return replaceFile(parquetPath, (part) => writeTable(part, columns, groupRows, labelled));
}

async function writeTable(
  part: string,
  columns: readonly ParquetColumn[],
  groupRows: number,
  rows: AsyncIterable<LabelledRow<ParquetRow>>,
): Promise<number> {
  let writer: ParquetWriter | undefined;
  let group: LabelledRow<ParquetRow>[] = [];
  let written = 0;
  const flush = (): void => {
    const columnData = columns.map(({ name, read }) => ({
      name,
      data: group.map((row) => read(row) ?? null),
    }));
    writer ??= openParquet(part, columns);
    writer.write({ columnData, rowGroupSize: group.length });
    written += group.length;
    group = [];
  };
  for await (const row of rows) {
    group.push(row);
    if (group.length === groupRows) flush();
  }
  if (group.length > 0) flush();
  writer ??= openParquet(part, columns);
  writer.finish();
  return written;
}

function openParquet(path: string, columns: readonly ParquetColumn[]): ParquetWriter {
  const schema: SchemaElement[] = [
    { name: "root", num_children: columns.length },
    ...columns.flatMap((column) => column.schema),
  ];
  return new ParquetWriter({ writer: fileWriter(path), schema });
}
