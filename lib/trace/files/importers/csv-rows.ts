import { Readable } from "node:stream";
import type { CsvError } from "csv-parse";
import { InputError } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { ReadTraceOptions } from "../read-trace-batches.js";
import { openBytes } from "../trace-bytes.js";
import { cutOff } from "./json-rows.js";
import { presentText } from "./missing.js";
import { scaledMs } from "./time-unit.js";
import type { TraceBuilder } from "./trace-builder.js";

/** A row of a CSV file by column name, all of it text. */
export type CsvRow = Readonly<Record<string, string>>;

/**
 * Streams the rows of a CSV file with a header line, gzip or not. Rows with too many or too few cells are rejected in
 * the builder.
 * @param needed columns that must be there
 * @param advice what to do where one of them is not
 * @throws InputError when the header lacks one of them, or has it twice
 */
export async function readCsvRows(
  path: string,
  builder: TraceBuilder,
  options: ReadTraceOptions,
  needed: readonly string[],
  onRow: (row: CsvRow, line: number) => void,
  advice?: string,
): Promise<void> {
  const { parse } = await import("csv-parse");
  const source = await openBytes(path);
  let header: readonly string[] | undefined;
  const parser = parse({
    bom: true,
    info: true,
    trim: true,
    skip_empty_lines: true,
    columns: (names: string[]) => {
      header = names;
      return names;
    },
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      const lines = error && "lines" in error ? Number(error.lines) : 0;
      skipped.push({ line: lines, reason: error?.message ?? "not CSV" });
    },
  });
  const skipped: { line: number; reason: string }[] = [];
  Readable.from(source).pipe(parser);
  for await (const item of parser) {
    const { record, info } = item as { record: CsvRow; info: { lines: number } };
    for (const { line, reason } of skipped.splice(0)) builder.reject(line, reason);
    if (header) checkHeader(path, header, needed, builder, advice);
    header = undefined;
    onRow(record, info.lines);
  }
  if (header) checkHeader(path, header, needed, builder, advice);
  for (const { line, reason } of skipped) builder.reject(line, reason);
  options.onProgress?.({
    bytesRead: source.bytesRead,
    totalBytes: source.totalBytes,
    records: builder.length,
  });
  if (source.cutOff !== undefined) cutOff(path, source.cutOff, builder, options);
}

function checkHeader(
  path: string,
  header: readonly string[],
  needed: readonly string[],
  builder: TraceBuilder,
  advice: string | undefined,
): void {
  const missing = needed.filter((name) => !header.includes(name));
  const [only = ""] = header;
  const other =
    header.length === 1 ? [";", "\t", "|"].find((separator) => only.includes(separator)) : undefined;
  if (missing.length > 0)
    throw new InputError(
      `${path}: lacks the column ${missing.join(", ")}; it has ${header.join(", ")}${
        other !== undefined
          ? `: columns must be separated by commas, these are by ${JSON.stringify(other)}`
          : advice === undefined
            ? ""
            : `: ${advice}`
      }`,
    );
  const twice = [...new Set(header.filter((name, at) => header.indexOf(name) < at))];
  const unclear = twice.filter((name) => needed.includes(name));
  if (unclear.length > 0)
    throw new InputError(
      `${path}: has the column ${unclear.join(", ")} more than once: which of them is meant is not known`,
    );
  if (twice.length > 0)
    builder.warn(`the column ${twice.join(", ")} is there more than once: the last of that name is read`);
}

/** A number in a cell; undefined where it is missing (see `missing.ts`). @throws RowError when it is none */
export function cellNumber(row: CsvRow, column: string): number | undefined {
  const text = presentText(row[column]);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new RowError(`${column} must be a finite number, got "${text}"`);
}

/** A text in a cell; undefined where there is none (see `missing.ts`). */
export function cellText(row: CsvRow, column: string): string | undefined {
  return presentText(row[column]);
}

/** A count in a cell; undefined for an empty cell. @throws RowError when it is no integer or below `min` (0 or 1) */
export function cellCount(row: CsvRow, column: string, min: 0 | 1 = 0): number | undefined {
  const value = cellNumber(row, column);
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= 0x7fffffff)) return value;
  throw new RowError(
    `${column} must be a ${min === 0 ? "non-negative" : "positive"} integer, got ${row[column]}`,
  );
}

/** A count that must be there. @throws RowError otherwise */
export function neededCount(row: CsvRow, column: string): number {
  const value = cellCount(row, column);
  if (value === undefined) throw new RowError(`${column} is missing`);
  return value;
}

/** A time in a cell, times `scale` to make milliseconds; undefined for an empty cell. @throws RowError below 0 */
export function cellTime(row: CsvRow, column: string, scale = 1): number | undefined {
  const value = cellNumber(row, column);
  if (value === undefined) return undefined;
  if (!Number.isFinite(scaledMs(value, scale)))
    throw new RowError(`${column} must be a time that a clock can show, got ${row[column]}`);
  if (value >= 0) return scaledMs(value, scale);
  throw new RowError(`${column} must be a finite number >= 0, got ${row[column]}`);
}

/**
 * A date and time in a cell as microseconds since 1970, finer than Date has it. Without a zone it counts as UTC.
 * @throws RowError when it is no date
 */
export function cellDateMicros(row: CsvRow, column: string): number {
  const text = row[column] ?? "";
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  const wholeMs = match ? Date.parse(`${match[1]}T${match[2]}${match[4] ?? "Z"}`) : Number.NaN;
  if (!match || Number.isNaN(wholeMs)) throw new RowError(`${column} must be a date and time, got "${text}"`);
  return wholeMs * 1000 + Number(match[3] ?? 0) * 1e6;
}
