import { Command } from "commander";
import type { QueryResult } from "../../table/index.js";
import { formatTable } from "../print-table.js";
import { progressBar } from "../read-input.js";
import { printOut } from "../terminal.js";

/** The `sql` command: questions to traces in SQL. */
export function sqlCommand(): Command {
  return new Command("sql")
    .description("Ask traces in SQL (DuckDB): one row a request, with its session and turn.")
    .argument("<query>", "SQL over the table `requests`")
    .argument("<trace...>", "traces (JSON lines, .gz allowed) or Parquet files")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Columns of requests: request, session, turn, parent, arrival_ms, prompt_tokens, cached_tokens, output_tokens,
prompt_blocks, ttft_ms, itl_mean_ms, total_ms, elapsed_ms, concurrency, completed, finish_reason, file; and the lists
itl_ms and block_hashes where the query names them. itl_mean_ms is the decode time per output token after the first.

Example, the median TTFT of each turn:
  npx prefixlab sql "SELECT turn, count(*) AS n, median(ttft_ms) AS p50_ms
    FROM requests GROUP BY turn ORDER BY turn" data/warm-1.jsonl.gz
`,
    )
    .action(async (query: string, paths: string[], flags: { json?: boolean }) => {
      const bars = new Map<string, ReturnType<typeof progressBar>>();
      const { queryTraces } = await import("../../scale/index.js");
      const result = await queryTraces(query, paths, {
        onProgress: (path, { bytesRead, totalBytes }) => {
          const bar = bars.get(path) ?? progressBar(`reading ${path}`);
          bars.set(path, bar);
          bar.update(totalBytes ? bytesRead / totalBytes : 0);
        },
      }).finally(() => {
        for (const bar of bars.values()) bar.stop();
      });
      printOut(flags.json ? `${JSON.stringify(jsonOf(result), null, 2)}\n` : tableOf(result));
    });
}

function jsonOf({ columns, rows }: QueryResult): Record<string, unknown> {
  return { columns, rows: rows.map((row) => Object.fromEntries(columns.map((name, c) => [name, row[c]]))) };
}

function tableOf({ columns, rows }: QueryResult): string {
  return formatTable(
    columns,
    rows.map((row) => row.map(cellOf)),
  );
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number")
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
