/**
 * Tables: rows with typed columns, and SQL over them, for the questions that no command asks.
 *
 * Read `table.ts` first (what a table is), then `request-table.ts` (the requests of a workload; `request-columns.ts` has its
 * columns, which are those of `prefixlab sql` too) and `query-tables.ts` (group, join, quantiles: SQL in DuckDB). Columns of
 * requests hold milliseconds and tokens, as their names say.
 */
export { type Database, type QueryResult, quotedText, withDatabase } from "./database.js";
export { queryTables } from "./query-tables.js";
export {
  type LabelledFields,
  type RequestColumn,
  type RequestColumnName,
  type RequestFields,
  requestColumns,
  requestFields,
} from "./request-columns.js";
export { type AgentColumnName, requestTable } from "./request-table.js";
export { type ShownCells, shownCells } from "./shown-cells.js";
export { Table, tableOf } from "./table.js";
export type { ColumnType, TableColumn, TableRow, TableValue } from "./table-column.js";
