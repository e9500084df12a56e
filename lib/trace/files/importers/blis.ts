import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { describeValue, InputError } from "../../../base/index.js";
import { settingsFromWire } from "../../../settings/index.js";
import { RowError } from "../../row-error.js";
import type { TraceMeta } from "../../trace.js";
import { ChainTable } from "./chain-table.js";
import { type CsvRow, cellCount, cellTime, neededCount, readCsvRows } from "./csv-rows.js";
import type { Importer, ImportOptions } from "./importer.js";
import type { JsonObject } from "./json-rows.js";
import { optionalObject } from "./row-fields.js";
import { summaryOf, TraceBuilder } from "./trace-builder.js";

/**
 * BLIS TraceV2 (inference-sim/inference-sim): a YAML header and a CSV file, times in microseconds of one clock. `path` is
 * the CSV or the YAML; the other one is `companionPath`, or the file of the same name ending in .yaml, .yml or .csv.
 *
 * - arrival is `send_time_us` (when the request really left), or `arrival_time_us` where that is 0; TTFT is
 *   `first_chunk_time_us` less that, the mean gap (last - first chunk) / (output - 1). A time of 0 was not recorded.
 * - `server_input_tokens` counts the whole prompt; without it, `input_tokens` does, plus `prefix_length` where a
 *   `prefix_group` puts a shared prefix before them.
 * - `session_id`, `round_index` (from 0): ground truth. `status` ok, error or timeout.
 * - A prefix group shares its full blocks of `prefix_length` tokens; all other blocks are taken to be shared with
 *   nothing, also between the rounds of a session, since the trace does not say. Without groups there are no hashes.
 */
export const blis: Importer = {
  format: "blis",
  description: "BLIS TraceV2 (YAML header and CSV): latencies, sessions, prefix groups, failures",
  async read(path, options) {
    const { csvPath, header } = await files(path, options);
    const server = optionalObject(header, "server") ?? {};
    const blockSize = options.blockSize ?? positive(server.block_size) ?? 16;
    const builder = new TraceBuilder(csvPath, options.strict, blockSize);
    const rows: { row: CsvRow; line: number }[] = [];
    const needed = ["input_tokens", "output_tokens", "arrival_time_us"];
    await readCsvRows(csvPath, builder, options, needed, (row, line) => rows.push({ row, line }));
    const grouped = rows.some(({ row }) => row.prefix_group);
    if (grouped)
      builder.warn(
        "prefix groups share their prefix; all other blocks are assumed to be shared with nothing",
      );
    const chains = new ChainTable(builder.blocks);
    for (const { row, line } of rows)
      builder.row(line, () => {
        const record = fieldsOf(row);
        return {
          ...record,
          blockIds: grouped ? blocksOf(row, record.promptTokens, line, blockSize, chains) : undefined,
        };
      });
    return builder.finish(metaOf(header, server, blockSize));
  },
};

function fieldsOf(row: CsvRow) {
  const outputTokens = neededCount(row, "output_tokens");
  const prefix = row.prefix_group ? (cellCount(row, "prefix_length") ?? 0) : 0;
  const promptTokens = cellCount(row, "server_input_tokens") || neededCount(row, "input_tokens") + prefix;
  const arrivalMs = cellTime(row, "send_time_us", 1e-3) || cellTime(row, "arrival_time_us", 1e-3);
  if (arrivalMs === undefined) throw new RowError("arrival_time_us is missing");
  const firstMs = cellTime(row, "first_chunk_time_us", 1e-3) || undefined;
  const lastMs = cellTime(row, "last_chunk_time_us", 1e-3) || undefined;
  if (firstMs !== undefined && firstMs < arrivalMs)
    throw new RowError("first_chunk_time_us is before the request");
  const status = row.status || "ok";
  const round = cellCount(row, "round_index");
  return {
    promptTokens,
    outputTokens,
    arrivalMs,
    ttftMs: firstMs === undefined ? undefined : firstMs - arrivalMs,
    itlSummary:
      firstMs === undefined || lastMs === undefined ? undefined : summaryOf(lastMs - firstMs, outputTokens),
    elapsedMs: lastMs === undefined ? undefined : lastMs - arrivalMs,
    finishReason: status === "ok" ? row.finish_reason || undefined : status,
    session: row.session_id || undefined,
    turn: row.session_id && round !== undefined ? round + 1 : undefined,
    ...(row.prefix_group && { extra: { prefix_group: row.prefix_group, prefix_length: prefix } }),
  };
}

function blocksOf(
  row: CsvRow,
  promptTokens: number,
  line: number,
  blockSize: number,
  chains: ChainTable,
): Int32Array {
  const ids = new Int32Array(Math.floor(promptTokens / blockSize));
  const shared = row.prefix_group ? Math.floor((cellCount(row, "prefix_length") ?? 0) / blockSize) : 0;
  for (let i = 0; i < ids.length; i++)
    ids[i] = chains.child(
      i === 0 ? undefined : ids[i - 1],
      i < shared ? `group ${row.prefix_group}` : `line ${line}`,
    );
  return ids;
}

async function files(path: string, options: ImportOptions): Promise<{ csvPath: string; header: JsonObject }> {
  const isHeader = /\.ya?ml$/.test(path);
  const base = path.replace(/\.(csv|ya?ml)(\.gz)?$/, "");
  const csvPath = isHeader ? (options.companionPath ?? `${base}.csv`) : path;
  const headers = isHeader
    ? [path]
    : options.companionPath
      ? [options.companionPath]
      : [`${base}.yaml`, `${base}.yml`];
  for (const candidate of headers) {
    const text = await readFile(candidate, "utf8").catch(() => undefined);
    if (text === undefined) continue;
    return { csvPath, header: parsedHeader(candidate, text) };
  }
  if (isHeader || options.companionPath !== undefined) throw new InputError(`${headers[0]}: cannot be read`);
  return { csvPath, header: {} };
}

function parsedHeader(path: string, text: string): JsonObject {
  let header: unknown;
  try {
    header = parse(text);
  } catch (error) {
    throw new InputError(`${path}: is no YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  if (header === null || typeof header !== "object" || Array.isArray(header))
    throw new InputError(`${path}: must hold the header of a TraceV2, got ${String(header)}`);
  const unit = (header as JsonObject).time_unit;
  if (unit !== undefined && !["us", "microseconds"].includes(String(unit)))
    throw new InputError(`${path}: time_unit must be microseconds, got ${String(unit)}`);
  const { server } = header as JsonObject;
  if (server !== undefined && server !== null && (typeof server !== "object" || Array.isArray(server)))
    throw new InputError(
      `${path}: server must be an object with the engine's settings, got ${describeValue(server)}`,
    );
  return header as JsonObject;
}

function metaOf(header: JsonObject, server: JsonObject, blockSize: number): TraceMeta {
  return {
    source: "blis",
    blockSize,
    ...(typeof server.model === "string" && { model: server.model }),
    engine: settingsFromWire({ ...server, engine_block_size: positive(server.block_size) }),
    extra: { ...(typeof header.mode === "string" && { mode: header.mode }) },
  };
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}
