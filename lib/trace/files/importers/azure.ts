import { cellDateMicros, neededCount, readCsvRows } from "./csv-rows.js";
import type { Importer } from "./importer.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Azure LLM inference traces (Azure/AzurePublicDataset, 2023 and 2024): CSV with `TIMESTAMP` (date and time of
 * arrival, to 100 ns), `ContextTokens` and `GeneratedTokens`. Arrival counts from the first row. No latencies, no
 * hashes, no sessions.
 */
export const azure: Importer = {
  format: "azure",
  description: "Azure LLM inference traces (CSV): arrivals and token counts only",
  async read(path, options) {
    const builder = new TraceBuilder(path, options, options.blockSize ?? 16);
    let firstMicros: number | undefined;
    await readCsvRows(
      path,
      builder,
      options,
      ["TIMESTAMP", "ContextTokens", "GeneratedTokens"],
      (row, line) => {
        builder.row(line, () => {
          const promptTokens = neededCount(row, "ContextTokens");
          const outputTokens = neededCount(row, "GeneratedTokens");
          const micros = cellDateMicros(row, "TIMESTAMP");
          firstMicros ??= micros;
          return { promptTokens, outputTokens, arrivalMs: (micros - firstMicros) / 1000 };
        });
      },
    );
    return builder.finish({ source: "azure", extra: {} });
  },
};
