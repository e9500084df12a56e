import { describeValue, InputError } from "../base/index.js";
import { shownCells } from "./shown-cells.js";
import type { ColumnType, TableColumn, TableRow, TableValue } from "./table-column.js";

/**
 * Rows with typed columns. Values are held as they were given; only what is shown of them is shortened, and says so.
 * @example
 * ```ts
 * import { tableOf } from "prefixlab";
 * import { Table } from "prefixlab/table";
 * tableOf([{ turn: 1, ttft_ms: 50.786 }]) instanceof Table; // → true
 * ```
 */
export class Table<Column extends string = string> {
  constructor(
    readonly columns: readonly TableColumn<Column>[],
    readonly rows: readonly TableRow<Column>[],
  ) {}

  /**
   * A column of numbers.
   * @throws InputError for a column that is not there, holds something else, or lacks a value
   */
  numbers(column: Column): number[] {
    return this.#values(column, "numbers", ["BIGINT", "DOUBLE"]) as number[];
  }

  /**
   * A column of texts.
   * @throws InputError for a column that is not there, holds something else, or lacks a value
   */
  texts(column: Column): string[] {
    return this.#values(column, "texts", ["VARCHAR"]) as string[];
  }

  /** The table in plain text: see {@link shownCells}. */
  toString(): string {
    const { head, body, note } = shownCells(this);
    const widths = head.map((name, at) => Math.max(name.length, ...body.map((cells) => cells[at].length)));
    const lines = [head, ...body].map((cells) =>
      cells.map((cell, at) => cell.padStart(widths[at])).join("  "),
    );
    return [...lines, ...(note ? [note] : [])].join("\n");
  }

  /** What a console and a notebook show of it, in place of its insides. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #values(name: Column, wanted: string, types: readonly ColumnType[]): TableValue[] {
    const column = this.columns.find((one) => one.name === name);
    const names = this.columns.map((one) => one.name).join(", ");
    if (!column)
      throw new InputError(`Table.${wanted}: there is no column ${name}: the columns are ${names}`);
    if (!types.includes(column.type))
      throw new InputError(`Table.${wanted}: column ${name} holds ${column.type}, not ${wanted}`);
    const values = this.rows.map((row) => row[name]);
    const missing = values.filter((value) => value === undefined).length;
    if (missing > 0)
      throw new InputError(
        `Table.${wanted}: ${missing} of ${values.length} rows have no ${name}: leave them out first (WHERE ${name} IS NOT NULL)`,
      );
    return values;
  }
}

/**
 * A table of some rows, such as those of a sweep. Its columns are those of the first row, and their types come from all rows.
 * A value may be missing: undefined, or null as JSON has it.
 * @throws InputError for no rows, a row with other columns, a column without a value or of mixed types, or a value that is
 * no finite number, text or truth value
 * @example
 * ```ts
 * import { tableOf } from "prefixlab";
 * const table = tableOf([{ pool: 1024, p50_ms: 58.5, cache: "on" }, { pool: 512, p50_ms: 61, cache: "on" }]);
 * table.columns.map(({ type }) => type); // → ["BIGINT", "DOUBLE", "VARCHAR"]
 * table.numbers("p50_ms"); // → [58.5, 61]
 * ```
 */
export function tableOf<Row extends Readonly<Record<keyof Row, TableValue | null>>>(
  rows: readonly Row[],
): Table<Extract<keyof Row, string>> {
  type Column = Extract<keyof Row, string>;
  if (rows.length === 0)
    throw new InputError("tableOf: rows must hold at least one row, to tell the columns");
  const names = Object.keys(rows[0]) as Column[];
  rows.forEach((row, at) => {
    const other = [...Object.keys(row), ...names].find((name) => !(name in row) || !(name in rows[0]));
    if (other !== undefined)
      throw new InputError(`tableOf: row ${at} has other columns than row 0: only one of them has ${other}`);
  });
  const columns = names.map((name) => ({
    name,
    type: typeOf(
      name,
      rows.map((row) => row[name]),
    ),
  }));
  return new Table(
    columns,
    rows.map(
      (row) => Object.fromEntries(names.map((name) => [name, row[name] ?? undefined])) as TableRow<Column>,
    ),
  );
}

function typeOf(column: string, values: readonly (TableValue | null)[]): ColumnType {
  let type: ColumnType | undefined;
  values.forEach((value, at) => {
    if (value === undefined || value === null) return;
    const own = typeOfValue(column, value, at);
    if (type === undefined || (type === "BIGINT" && own === "DOUBLE")) type = own;
    else if (own !== type && !(type === "DOUBLE" && own === "BIGINT"))
      throw new InputError(`tableOf: column ${column} mixes ${type} and ${own} (row ${at})`);
  });
  if (type === undefined)
    throw new InputError(`tableOf: column ${column} has no value: leave it out, nothing tells its type`);
  return type;
}

function typeOfValue(column: string, value: unknown, row: number): ColumnType {
  if (typeof value === "string") return "VARCHAR";
  if (typeof value === "boolean") return "BOOLEAN";
  if (typeof value === "number" && Number.isFinite(value))
    return Number.isSafeInteger(value) ? "BIGINT" : "DOUBLE";
  throw new InputError(
    `tableOf: column ${column} of row ${row} must be a finite number, a text or a truth value, got ${describeValue(value)}`,
  );
}
