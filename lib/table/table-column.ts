/** A value of a table; undefined where it is missing. */
export type TableValue = number | string | boolean | undefined;

/** One row of a table, by column. */
export type TableRow<Column extends string = string> = Readonly<Record<Column, TableValue>>;

/** What a column holds, by its name in SQL: BIGINT whole numbers, DOUBLE numbers, VARCHAR texts, BOOLEAN truth values. */
export type ColumnType = "BIGINT" | "DOUBLE" | "VARCHAR" | "BOOLEAN";

export interface TableColumn<Column extends string = string> {
  readonly name: Column;
  readonly type: ColumnType;
}
