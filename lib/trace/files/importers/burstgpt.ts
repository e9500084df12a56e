import { RowError } from "../../row-error.js";
import { cellCount, cellText, cellTime, neededCount, readCsvRows } from "./csv-rows.js";
import type { Importer } from "./importer.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * BurstGPT traces (HPMLL/BurstGPT): CSV with `Timestamp` (arrival, s), `Model`, `Request tokens`, `Response tokens`,
 * `Total tokens`, `Log Type`, and in later releases `Session ID` and `Elapsed time` (s, request to end of answer).
 * A row without response tokens is a failure of the service: it is kept with finish reason "error". Rows whose total
 * is not the sum are rejected. No time to first token, no hashes.
 */
export const burstgpt: Importer = {
  format: "burstgpt",
  description: "BurstGPT (CSV): arrivals, token counts, failures; in later releases sessions and durations",
  async read(path, options) {
    const builder = new TraceBuilder(path, options, options.blockSize ?? 16, {
      field: "Timestamp",
      unit: "s",
      also: ["elapsedMs"],
    });
    const turns = new Map<string, number>();
    const needed = ["Timestamp", "Request tokens", "Response tokens"];
    await readCsvRows(path, builder, options, needed, (row, line) => {
      builder.row(line, () => {
        const promptTokens = neededCount(row, "Request tokens");
        const outputTokens = neededCount(row, "Response tokens");
        const total = cellCount(row, "Total tokens");
        if (total !== undefined && total !== promptTokens + outputTokens)
          throw new RowError(`Total tokens (${total}) is not ${promptTokens} + ${outputTokens}`);
        const arrivalMs = cellTime(row, "Timestamp", 1000);
        if (arrivalMs === undefined) throw new RowError("Timestamp is missing");
        const elapsedMs = cellTime(row, "Elapsed time", 1000);
        const session = cellText(row, "Session ID");
        const turn = session === undefined ? undefined : (turns.get(session) ?? 0) + 1;
        if (session !== undefined && turn !== undefined) turns.set(session, turn);
        return {
          promptTokens,
          outputTokens,
          arrivalMs,
          elapsedMs,
          finishReason: outputTokens === 0 ? "error" : undefined,
          session,
          turn,
          extra: {
            ...(row.Model && { model: row.Model }),
            ...(row["Log Type"] && { log_type: row["Log Type"] }),
          },
        };
      });
    });
    return builder.finish({ source: "burstgpt", extra: {} });
  },
};
