/** Results as a table for a terminal. */
export function formatResults(results) {
  const rows = results.map((r) =>
    r.skipped
      ? [r.case, "skipped", r.skipped, "", "", ""]
      : [
          r.case,
          `${number(r.value)} ${r.unit}`,
          r.aim ? `${r.holds ? "ok" : "SHORT"}  ${r.aim}` : "",
          r.ratio === undefined ? "" : `${number(r.ratio)} x ${r.yardstick}`,
          r.peakRssBytes === undefined ? "" : `${Math.round(r.peakRssBytes / 1e6)} MB`,
          r.note ?? "",
        ],
  );
  return formatRows([["case", "result", "aim", "time", "peak memory", ""], ...rows]);
}

/** Rows with their columns aligned; the first is the header. */
export function formatRows(rows) {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const line = (row) =>
    row
      .map((cell, c) => cell.padEnd(widths[c]))
      .join("  ")
      .trimEnd();
  const [header, ...body] = rows;
  return `${[line(header), widths.map((w) => "-".repeat(w)).join("  "), ...body.map(line)].join("\n")}\n`;
}

/** Three significant digits, thousands apart. */
export function number(value) {
  if (!Number.isFinite(value)) return String(value);
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}
