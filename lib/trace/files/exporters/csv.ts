import type { Trace, TraceRecord } from "../../trace.js";
import { meanGapMs } from "../../trace.js";
import { csvCell } from "./csv-cell.js";
import type { Exporter } from "./exporter.js";
import { writeLines } from "./write-lines.js";

const columns: readonly (readonly [string, (record: TraceRecord) => string | number | undefined])[] = [
  ["arrival_ms", (r) => r.arrivalMs],
  ["prompt_tokens", (r) => r.promptTokens],
  ["cached_tokens", (r) => r.cachedTokens],
  ["output_tokens", (r) => r.outputTokens],
  ["ttft_ms", (r) => r.ttftMs],
  ["itl_mean_ms", meanGapMs],
  ["elapsed_ms", (r) => r.elapsedMs],
  ["concurrency", (r) => r.concurrency],
  ["finish_reason", (r) => r.finishReason],
  ["session", (r) => r.session],
  ["turn", (r) => r.turn],
  ["prompt_blocks", (r) => r.blockIds?.length],
];

/**
 * One line a request, one column a number, empty where unknown. `itl_mean_ms` is the mean per output token after the
 * first. Gaps and block hashes themselves are lost, and text that a
 * spreadsheet would run has an apostrophe in front. The `csv` importer reads it back by its column names.
 */
export const csv: Exporter = {
  format: "csv",
  description: "CSV, one line a request: lengths, arrival, TTFT, mean gap, session; no gaps, no hashes",
  write: (trace, path) => writeLines(path, lines(trace)),
};

function* lines(trace: Trace): Generator<string> {
  yield columns.map(([name]) => name).join(",");
  for (const record of trace.records) yield columns.map(([, value]) => csvCell(value(record))).join(",");
}
