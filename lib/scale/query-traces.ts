import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../base/index.js";
import type { ReadProgress } from "../trace/files/index.js";
import { traceToParquet } from "./trace-to-parquet.js";

/** How to run a query. */
export interface QueryOptions {
  /** Give traces the list columns `block_hashes` and `itl_ms` too. Default: when the SQL names one of them. */
  readonly lists?: boolean;
  readonly onProgress?: (path: string, progress: ReadProgress) => void;
}

/** A result table. 64-bit integers that a double holds exactly are numbers, others strings; lists are arrays. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/**
 * Runs SQL over traces with DuckDB, inside this process. The table `requests` holds the requests of all files, `file`
 * telling which; a path that ends in `.parquet` is read where it is, any other is a trace in the tap schema, converted to
 * Parquet in a temporary folder first. Larger tables than memory spill to that folder.
 * @throws InputError when a trace cannot be read or the SQL is wrong
 */
export async function queryTraces(
  sql: string,
  paths: readonly string[],
  options: QueryOptions = {},
): Promise<QueryResult> {
  if (paths.length === 0) throw new InputError("queryTraces: needs at least one trace or Parquet file");
  const lists = options.lists ?? /\b(block_hashes|itl_ms)\b/i.test(sql);
  const folder = await mkdtemp(join(tmpdir(), "prefixlab-sql-"));
  try {
    const tables: { readonly path: string; readonly parquet: string }[] = [];
    for (const [k, path] of paths.entries()) {
      if (path.endsWith(".parquet")) {
        tables.push({ path, parquet: path });
        continue;
      }
      const parquet = join(folder, `${k}.parquet`);
      const onProgress = options.onProgress && ((p: ReadProgress) => options.onProgress?.(path, p));
      await traceToParquet(path, parquet, { lists, ...(onProgress && { onProgress }) });
      tables.push({ path, parquet });
    }
    return await runSql(sql, tables, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runSql(
  sql: string,
  tables: readonly { readonly path: string; readonly parquet: string }[],
  spillFolder: string,
): Promise<QueryResult> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  // Nothing is fetched: the Parquet reader is built in, and other extensions stay out.
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    temp_directory: spillFolder,
  });
  const connection = await instance.connect();
  try {
    const union = tables
      .map(({ path, parquet }) => `SELECT *, ${quoted(path)} AS file FROM read_parquet(${quoted(parquet)})`)
      .join(" UNION ALL BY NAME ");
    await connection.run(`CREATE VIEW requests AS ${union}`);
    const reader = await connection.runAndReadAll(sql);
    return {
      columns: reader.columnNames(),
      types: reader.columnTypes().map(String),
      rows: reader.getRowsJS().map((row) => row.map(plain)),
    };
  } catch (error) {
    throw new InputError(`queryTraces: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A value as JSON can hold it. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
}
