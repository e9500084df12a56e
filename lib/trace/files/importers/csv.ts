import { InputError } from "../../../base/index.js";
import {
  type CsvRow,
  cellCount,
  cellDateMicros,
  cellText,
  cellTime,
  neededCount,
  readCsvRows,
} from "./csv-rows.js";
import type { Importer } from "./importer.js";
import { summaryOf, TraceBuilder } from "./trace-builder.js";

/** What a column can hold, by the unit in its name. */
const fields = [
  "prompt_tokens",
  "output_tokens",
  "cached_tokens",
  "arrival_ms",
  "arrival_s",
  "arrival_time",
  "ttft_ms",
  "ttft_s",
  "itl_mean_ms",
  "itl_mean_s",
  "elapsed_ms",
  "elapsed_s",
  "concurrency",
  "finish_reason",
  "request_id",
  "session",
  "turn",
] as const;
type Field = (typeof fields)[number];

const columnsAdvice =
  "say which holds each, as in --columns prompt_tokens=COLUMN,output_tokens=COLUMN (columns of importTrace)";

/**
 * Any CSV file with a header line: `columns` says which column holds which field, as in
 * `{prompt_tokens: "in", arrival_s: "t"}`. A field that is not mapped is read from the column of its own name, if any.
 *
 * Fields: `prompt_tokens` and `output_tokens` (needed), `cached_tokens`, `concurrency`, `turn`, `session`,
 * `request_id`, `finish_reason`; times in the unit of their name, `arrival_`, `ttft_`, `itl_mean_`, `elapsed_` + `ms` or `s`; and
 * `arrival_time`, a date and time, counted from the first row. Without a mean gap, it follows from elapsed and TTFT.
 */
export const csv: Importer = {
  format: "csv",
  description:
    "Any CSV with a header: columns are mapped to fields such as prompt_tokens, arrival_s, ttft_ms",
  async read(path, options) {
    const columns = options.columns ?? {};
    for (const field of Object.keys(columns))
      if (!fields.includes(field as Field))
        throw new InputError(`csv: columns must map ${fields.join(", ")}, got "${field}"`);
    const of = (field: Field) => columns[field] ?? field;
    const builder = new TraceBuilder(path, options, options.blockSize ?? 16);
    const needed = [...new Set([of("prompt_tokens"), of("output_tokens"), ...Object.values(columns)])];
    let firstMicros: number | undefined;
    const inMs = (row: CsvRow, name: "arrival" | "ttft" | "itl_mean" | "elapsed") =>
      cellTime(row, of(`${name}_ms`)) ?? cellTime(row, of(`${name}_s`), 1000);
    const onRow = (row: CsvRow, line: number) => {
      const unit =
        row[of("arrival_ms")] !== undefined ? "ms" : row[of("arrival_s")] === undefined ? undefined : "s";
      if (unit) builder.useClock({ field: of(`arrival_${unit}`), unit });
      builder.row(line, () => {
        const promptTokens = neededCount(row, of("prompt_tokens"));
        const outputTokens = neededCount(row, of("output_tokens"));
        let arrivalMs = inMs(row, "arrival");
        if (arrivalMs === undefined && cellText(row, of("arrival_time"))) {
          const micros = cellDateMicros(row, of("arrival_time"));
          firstMicros ??= micros;
          arrivalMs = (micros - firstMicros) / 1000;
        }
        const ttftMs = inMs(row, "ttft");
        const elapsedMs = inMs(row, "elapsed");
        const meanMs = inMs(row, "itl_mean");
        return {
          promptTokens,
          outputTokens,
          cachedTokens: cellCount(row, of("cached_tokens")),
          arrivalMs,
          ttftMs,
          elapsedMs,
          itlSummary:
            meanMs !== undefined
              ? { meanMs, count: Math.max(0, outputTokens - 1) }
              : ttftMs === undefined || elapsedMs === undefined
                ? undefined
                : summaryOf(elapsedMs - ttftMs, outputTokens),
          concurrency: cellCount(row, of("concurrency")) || undefined,
          finishReason: cellText(row, of("finish_reason")),
          requestId: cellText(row, of("request_id")),
          session: cellText(row, of("session")),
          turn: cellCount(row, of("turn"), 1),
        };
      });
    };
    await readCsvRows(path, builder, options, needed, onRow, columnsAdvice);
    return builder.finish({ source: "csv", extra: {} });
  },
};
