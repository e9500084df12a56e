import { InputError } from "../base/index.js";
import { type QueryResult, withDatabase } from "./database.js";
import { Table } from "./table.js";
import type { ColumnType, TableRow, TableValue } from "./table-column.js";

/** What DuckDB's types are in a table; those of a DECIMAL have their digits behind them. */
const tableTypes: Readonly<Record<string, ColumnType>> = {
  ...Object.fromEntries(
    [
      "TINYINT",
      "SMALLINT",
      "INTEGER",
      "BIGINT",
      "HUGEINT",
      "UTINYINT",
      "USMALLINT",
      "UINTEGER",
      "UBIGINT",
    ].map((name) => [name, "BIGINT" as const]),
  ),
  FLOAT: "DOUBLE",
  DOUBLE: "DOUBLE",
  DECIMAL: "DOUBLE",
  VARCHAR: "VARCHAR",
  BOOLEAN: "BOOLEAN",
  DATE: "VARCHAR",
  TIMESTAMP: "VARCHAR",
};

/**
 * Runs SQL over tables with DuckDB, inside this process: grouping, joins and quantiles in a line. Each table has the name that
 * it is given by. `quantile_cont(x, 0.99)` and `median(x)` interpolate as the library does (definition 7 of Hyndman and Fan,
 * 1996); a missing value is NULL, and aggregates leave it out.
 * @param tables by the name that the query calls them; a name is letters, digits and underscores
 * @returns the rows of the result as a table, in the order of the query
 * @throws InputError when the SQL is wrong, or a column of the result holds what is no value of a table
 * @example
 * ```ts
 * import { queryTables, readCapture, requestTable, workloadOf } from "prefixlab";
 * const requests = requestTable(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * const byTurn = await queryTables("SELECT turn, median(ttft_ms) AS p50_ms FROM requests GROUP BY turn ORDER BY turn", { requests });
 * byTurn.numbers("p50_ms"); // → [50.79, 49.04, 57.67, 57.93, 56.26]
 * ```
 */
export async function queryTables(sql: string, tables: Readonly<Record<string, Table>>): Promise<Table> {
  for (const name of Object.keys(tables))
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new InputError(
        `queryTables: a table's name must be letters, digits and underscores, got ${JSON.stringify(name)}`,
      );
  return withDatabase({ of: "queryTables" }, async (database) => {
    for (const [name, table] of Object.entries(tables)) await database.load(name, table);
    return tableOfResult(await database.query(sql));
  });
}

function tableOfResult({ columns, types, rows }: QueryResult): Table {
  const typed = columns.map((name, at) => {
    const type = tableTypes[types[at].replace(/\(.*/, "")];
    if (type === undefined || types[at].endsWith("]"))
      throw new InputError(
        `queryTables: column ${name} is a ${types[at]}, and a table holds numbers, texts and truth values: unnest it, aggregate it or cast it`,
      );
    return { name, type };
  });
  const twice = columns.find((name, at) => columns.indexOf(name) !== at);
  if (twice !== undefined)
    throw new InputError(`queryTables: two columns are called ${twice}: name one of them with AS`);
  return new Table(
    typed,
    rows.map(
      (row): TableRow =>
        Object.fromEntries(typed.map(({ name, type }, at) => [name, heldValue(row[at], name, type)])),
    ),
  );
}

function heldValue(value: unknown, column: string, type: ColumnType): TableValue {
  if (value === null) return undefined;
  if (type === "BIGINT" && typeof value === "string")
    throw new InputError(
      `queryTables: column ${column} holds ${value}, more than a number holds exactly: cast it to DOUBLE or VARCHAR`,
    );
  return value as TableValue;
}
