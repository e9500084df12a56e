import { visibleLine } from "./terminal.js";

/** A table for people: columns aligned, numbers to the right. */
export function formatTable(names: readonly string[], cells: readonly (readonly string[])[]): string {
  const header = names.map(visibleLine);
  const rows = cells.map((row) => row.map(visibleLine));
  const widths = header.map((title, c) =>
    Math.max(title.length, ...rows.map((row) => (row[c] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    widths
      .map((width, c) => (isNumeric(rows, c) ? (row[c] ?? "").padStart(width) : (row[c] ?? "").padEnd(width)))
      .join("  ")
      .trimEnd();
  return `${[line(header), widths.map((w) => "-".repeat(w)).join("  "), ...rows.map(line)].join("\n")}\n`;
}

function isNumeric(rows: readonly (readonly string[])[], column: number): boolean {
  return rows.every((row) => /^$|^[-+–\d(n<>]/.test(row[column] ?? ""));
}

/** Milliseconds with three significant digits and a readable unit; "-" where there is none. */
export function showMs(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number(ms.toPrecision(3))} ms`;
}

/** A share as a percentage. */
export function showPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A fraction as a signed percentage. */
export function showError(fraction: number | undefined): string {
  if (fraction === undefined) return "-";
  return `${fraction >= 0 ? "+" : ""}${(100 * fraction).toFixed(1)} %`;
}
