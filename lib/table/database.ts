import type { DuckDBConnection, DuckDBType } from "@duckdb/node-api";
import { InputError } from "../base/index.js";
import type { Table } from "./table.js";
import type { ColumnType } from "./table-column.js";

/** Rows that DuckDB takes at once. */
const chunkRows = 2048;

/** What a query gave. 64-bit integers that a double holds exactly are numbers, others strings; lists are arrays; NULL is null. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** An open database. */
export interface Database {
  /** Runs a statement that gives no rows. */
  run(sql: string): Promise<void>;
  /** Runs a query and reads all of its result. */
  query(sql: string): Promise<QueryResult>;
  /** Makes a table of a name. */
  load(name: string, table: Table): Promise<void>;
}

/**
 * Opens a DuckDB inside this process, uses it and closes it. Nothing is fetched: the Parquet reader is built in, and other
 * extensions stay out.
 * @param options.of who asks: the head of messages
 * @param options.spillFolder where tables larger than memory go
 * @throws InputError with DuckDB's message when it fails
 * @example
 * ```ts
 * import { withDatabase } from "prefixlab/table";
 * const result = await withDatabase({ of: "example" }, (database) => database.query("SELECT 1 + 1 AS two, NULL AS none"));
 * result; // → { columns: ["two", "none"], types: ["INTEGER", "INTEGER"], rows: [[2, null]] }
 * ```
 */
export async function withDatabase<T>(
  options: { readonly of: string; readonly spillFolder?: string },
  use: (database: Database) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    ...(options.spillFolder !== undefined && { temp_directory: options.spillFolder }),
  });
  const connection = await instance.connect();
  try {
    return await use({
      run: async (sql) => {
        await connection.run(sql);
      },
      query: (sql) => query(connection, sql),
      load: (name, table) => load(connection, name, table),
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${options.of}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/**
 * A text as SQL writes it.
 * @example
 * ```ts
 * import { quotedText } from "prefixlab/table";
 * quotedText("it's"); // → "'it''s'"
 * ```
 */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function query(connection: DuckDBConnection, sql: string): Promise<QueryResult> {
  const reader = await connection.runAndReadAll(sql);
  return {
    columns: reader.columnNames(),
    types: reader.columnTypes().map(String),
    rows: reader.getRowsJS().map((row) => row.map(plain)),
  };
}

async function load(connection: DuckDBConnection, name: string, { columns, rows }: Table): Promise<void> {
  const { BIGINT, BOOLEAN, DOUBLE, DuckDBDataChunk, VARCHAR } = await import("@duckdb/node-api");
  const typeOf: Readonly<Record<ColumnType, DuckDBType>> = { BIGINT, BOOLEAN, DOUBLE, VARCHAR };
  const declared = columns.map((column) => `${quotedName(column.name)} ${column.type}`).join(", ");
  await connection.run(`CREATE TABLE ${quotedName(name)} (${declared})`);
  const appender = await connection.createAppender(name);
  for (let from = 0; from < rows.length; from += chunkRows) {
    const part = rows.slice(from, from + chunkRows);
    const chunk = DuckDBDataChunk.create(columns.map(({ type }) => typeOf[type]));
    chunk.setColumns(
      columns.map((column) =>
        part.map((row) => {
          const value = row[column.name];
          return value === undefined ? null : column.type === "BIGINT" ? BigInt(value) : value;
        }),
      ),
    );
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
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
