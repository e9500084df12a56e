import type { TableColumn, TableRow, TableValue } from "./table-column.js";

/** Rows that are shown of a longer table. */
const mostRows = 50;

/** What is shown of a table. */
export interface ShownCells {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
  /** What the cells do not show: rows that were left out, decimals that were cut. */
  readonly note?: string;
}

/**
 * A table's cells as texts: the first 50 rows; numbers with three decimals, below 1 with four significant digits; nothing where
 * a value is missing. The note says what was left out.
 * @example
 * ```ts
 * import { tableOf } from "prefixlab";
 * import { shownCells } from "prefixlab/table";
 * shownCells(tableOf([{ turn: 1, ttft_ms: 50.786 }, { turn: 2, ttft_ms: null }])).body; // → [["1", "50.786"], ["2", ""]]
 * ```
 */
export function shownCells({
  columns,
  rows,
}: {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}): ShownCells {
  let shortened = false;
  const cellOf = (value: TableValue): string => {
    if (value === undefined) return "";
    if (typeof value !== "number") return String(value);
    const shown = shownNumber(value);
    // Digits past the twelfth are those of binary arithmetic: 0.1 + 0.2 is no shortened number.
    shortened ||= Math.abs(shown - value) > 1e-12 * Math.abs(value);
    return String(shown);
  };
  const body = rows.slice(0, mostRows).map((row) => columns.map(({ name }) => cellOf(row[name])));
  const notes = [
    ...(rows.length > mostRows ? [`the first ${mostRows} of ${rows.length} rows`] : []),
    ...(shortened ? ["numbers to three decimals, below 1 to four digits; the table holds all"] : []),
  ];
  return { head: columns.map(({ name }) => name), body, ...(notes.length > 0 && { note: notes.join("; ") }) };
}

function shownNumber(value: number): number {
  return Number(Math.abs(value) < 1 ? value.toPrecision(4) : value.toFixed(3));
}
