import { readFile } from "node:fs/promises";
import {
  describeValue,
  InputError,
  isJsonObject,
  type JsonObject,
  type Ms,
  quantile,
} from "../../../base/index.js";
import { settingsFromWire } from "../../../settings/index.js";
import { RowError } from "../../row-error.js";
import type { JsonValue, TraceMeta } from "../../trace.js";
import { blisChunkTimes, gapsBetween } from "./blis-gaps.js";
import { ChainTable } from "./chain-table.js";
import { ContextChain } from "./context-chain.js";
import { type CsvRow, cellCount, cellText, cellTime, neededCount, readCsvRows } from "./csv-rows.js";
import type { Importer, ImportOptions } from "./importer.js";
import { type ChunkTimes, firstChunkIsRole } from "./role-chunk.js";
import { looseObject, optionalObject } from "./row-fields.js";
import { summaryOf, TraceBuilder } from "./trace-builder.js";

/**
 * BLIS TraceV2 (inference-sim/inference-sim, sim/workload/tracev2.go): a YAML header and a CSV file, times in microseconds.
 * `path` is the CSV or the YAML; the other one is `companionPath`, or the file of the same name ending in .yaml, .yml or .csv.
 *
 * - arrival is `send_time_us` (when the request really left), in real runs a date; a row without one stands where its
 *   `arrival_time_us` (the plan's clock) puts it among the others. TTFT is `first_chunk_time_us` less that, the mean gap
 *   (last - first chunk) / (output - 1). A time of 0 was not recorded.
 * - `<data>.itl.csv` beside it, where it was recorded, has every chunk: see `blis-gaps.ts`.
 * - `server_input_tokens` counts the whole prompt; without it, `input_tokens` does, plus `prefix_length` where a
 *   `prefix_group` puts a shared prefix before them.
 * - `session_id`, `round_index` (from 0), `think_time_us` (the gap to the round before): ground truth. `x_request_id` names
 *   the request. `status` ok, error or timeout.
 * - A prefix group shares its full blocks of `prefix_length` tokens. Under `session_context_growth: accumulate` a round's
 *   prompt begins with the whole round before, answer included; otherwise all other blocks are taken to be shared with
 *   nothing, also between the rounds of a session, since the trace does not say. With neither there are no hashes.
 * - `mode` real is a capture, generated and replayed are simulations; a simulation is told.
 */
export const blis: Importer = {
  format: "blis",
  description: "BLIS TraceV2 (YAML header and CSV): latencies, sessions, prefix groups, failures",
  async read(path, options) {
    const { csvPath, header } = await files(path, options);
    const server = optionalObject(header, "server") ?? {};
    const blockSize = options.blockSize ?? positive(server.block_size) ?? 16;
    const builder = new TraceBuilder(csvPath, options, blockSize, {
      field: "send_time_us",
      unit: "us",
      also: ["ttftMs", "elapsedMs", "gaps"],
    });
    const rows: { row: CsvRow; line: number }[] = [];
    const needed = ["input_tokens", "output_tokens", "arrival_time_us"];
    await readCsvRows(csvPath, builder, options, needed, (row, line) => rows.push({ row, line }));
    const grows = header.session_context_growth === "accumulate";
    const grouped = rows.some(({ row }) => row.prefix_group);
    if (grouped && !grows)
      builder.assume(
        "prefix groups share their prefix; all other blocks are assumed to be shared with nothing",
      );
    if (header.mode !== undefined && header.mode !== "real")
      builder.assume(`mode is ${String(header.mode)}: a simulation, not a capture`);
    const warmUp = positive(header.warm_up_requests);
    if (warmUp !== undefined)
      builder.warn(
        `the first ${warmUp} requests are the run's warm-up: they are kept, --judge-after ${warmUp} leaves them out of a comparison`,
      );
    const offsetMs = sendOffsetMs(rows);
    const rounds = new Map(
      rows.map(({ row }) => {
        const place = `${row.session_id ?? ""}/${Number(row.round_index) + 1}`;
        return [place, cellText(row, "x_request_id") ?? place];
      }),
    );
    const chunkTimes = await blisChunkTimes(csvPath);
    const blocks = new BlisBlocks(new ChainTable(builder.blocks), blockSize, grows);
    const startsWithRole = firstChunkIsRole(
      chunkTimes ? rows.map(({ row }) => chunksOf(row, chunkTimes)) : [],
    );
    for (const { row, line } of rows)
      builder.row(line, () => {
        const record = fieldsOf(row, offsetMs, rounds);
        const gaps = chunkTimes && gapsOf(row, chunkTimes, record, startsWithRole);
        if (gaps?.afterRoleMs !== undefined)
          builder.count(
            "the first chunk was no token (a chat's role): TTFT counts to the first token, the gap before it is no gap",
            line,
          );
        if (gaps && record.outputTokens > 1 && gaps.itlMs.length < record.outputTokens - 1)
          builder.count("fewer gaps than output tokens less one: chunks of several tokens", line);
        return {
          ...record,
          ...(gaps && {
            itlMs: gaps.itlMs,
            itlSummary: undefined,
            ttftMs: record.ttftMs === undefined ? undefined : record.ttftMs + (gaps.afterRoleMs ?? 0),
          }),
          ...((grouped || grows) && blocks.of(row, record.promptTokens, record.outputTokens, line)),
        };
      });
    return builder.finish(metaOf(header, server, blockSize));
  },
};

/** How a row's request is called: `x_request_id`, or else its session and turn. */
function blisRequestId(row: CsvRow): string | undefined {
  const [session, round] = [cellText(row, "session_id"), cellCount(row, "round_index")];
  const place = session === undefined || round === undefined ? undefined : `${session}/${round + 1}`;
  return cellText(row, "x_request_id") ?? place;
}

/** @param rounds names of requests by session and turn */
function fieldsOf(row: CsvRow, offsetMs: Ms | undefined, rounds: ReadonlyMap<string, string>) {
  const outputTokens = neededCount(row, "output_tokens");
  const prefix = row.prefix_group ? (cellCount(row, "prefix_length") ?? 0) : 0;
  const promptTokens = cellCount(row, "server_input_tokens") || neededCount(row, "input_tokens") + prefix;
  const arrivalMs = sentMs(row, offsetMs);
  if (arrivalMs === undefined) throw new RowError("arrival_time_us is missing");
  const firstMs = cellTime(row, "first_chunk_time_us", 1e-3) || undefined;
  const lastMs = cellTime(row, "last_chunk_time_us", 1e-3) || undefined;
  if (firstMs !== undefined && firstMs < arrivalMs)
    throw new RowError("first_chunk_time_us is before the request");
  const status = cellText(row, "status") ?? "ok";
  const round = cellCount(row, "round_index");
  const session = cellText(row, "session_id");
  const thinkMs = cellTime(row, "think_time_us", 1e-3) || undefined;
  const hasTurn = session !== undefined && round !== undefined;
  return {
    promptTokens,
    outputTokens,
    arrivalMs,
    ttftMs: firstMs === undefined ? undefined : firstMs - arrivalMs,
    itlSummary:
      firstMs === undefined || lastMs === undefined ? undefined : summaryOf(lastMs - firstMs, outputTokens),
    elapsedMs: lastMs === undefined ? undefined : lastMs - arrivalMs,
    finishReason: status === "ok" ? cellText(row, "finish_reason") : status,
    requestId: blisRequestId(row),
    session,
    turn: hasTurn ? round + 1 : undefined,
    ...(hasTurn && {
      parents:
        round === 0
          ? []
          : rounds.has(`${session}/${round}`)
            ? [
                {
                  requestId: rounds.get(`${session}/${round}`) as string,
                  kind: "turn" as const,
                  ...(thinkMs !== undefined && { gapMs: thinkMs }),
                },
              ]
            : undefined,
    }),
    ...(row.prefix_group && { extra: { prefix_group: row.prefix_group, prefix_length: prefix } }),
  };
}

/** When the request left, on the clock that most rows are sent by. */
function sentMs(row: CsvRow, offsetMs: Ms | undefined): Ms | undefined {
  const sent = cellTime(row, "send_time_us", 1e-3) || undefined;
  if (sent !== undefined) return sent;
  const planned = cellTime(row, "arrival_time_us", 1e-3);
  return planned === undefined ? undefined : planned + (offsetMs ?? 0);
}

/** From the plan's clock to that of sending: the median over rows that have both. */
function sendOffsetMs(rows: readonly { readonly row: CsvRow }[]): Ms | undefined {
  const offsets = rows.flatMap(({ row }) => {
    const [sent, planned] = [Number(row.send_time_us), Number(row.arrival_time_us)];
    return sent > 0 && planned >= 0 ? [(sent - planned) / 1000] : [];
  });
  return quantile(offsets, 0.5);
}

function chunksOf(row: CsvRow, chunkTimes: ReadonlyMap<string, readonly Ms[]>): ChunkTimes {
  const outputTokens = Number(row.output_tokens);
  const gapsMs = gapsBetween(chunkTimes.get(row.request_id ?? "") ?? [], outputTokens);
  return {
    outputTokens,
    gapsMs,
    ttftMs: (Number(row.first_chunk_time_us) - Number(row.send_time_us)) / 1000,
  };
}

function gapsOf(
  row: CsvRow,
  chunkTimes: ReadonlyMap<string, readonly Ms[]>,
  { outputTokens }: { readonly outputTokens: number },
  startsWithRole: boolean,
): { itlMs: Float64Array; afterRoleMs?: Ms } | undefined {
  const chunks = chunkTimes.get(row.request_id ?? "");
  if (!chunks || chunks.length === 0) return undefined;
  const gaps = gapsBetween(chunks, outputTokens);
  if (!startsWithRole || gaps.length !== outputTokens) return { itlMs: gaps };
  return { itlMs: gaps.subarray(1), afterRoleMs: gaps[0] as Ms };
}

/** Blocks of a trace that says which prefixes are shared, and whether rounds of a session are. */
class BlisBlocks {
  readonly #chains: ChainTable;
  readonly #blockSize: number;
  readonly #grows: boolean;
  readonly #contexts = new Map<string, ContextChain>();

  constructor(chains: ChainTable, blockSize: number, grows: boolean) {
    this.#chains = chains;
    this.#blockSize = blockSize;
    this.#grows = grows;
  }

  of(row: CsvRow, promptTokens: number, outputTokens: number, line: number) {
    const session = this.#grows ? cellText(row, "session_id") : undefined;
    const context =
      (session === undefined ? undefined : this.#contexts.get(session)) ??
      new ContextChain(this.#chains, this.#blockSize);
    if (session !== undefined) this.#contexts.set(session, context);
    if (context.tokens === 0 && row.prefix_group)
      context.append(
        `group ${row.prefix_group}`,
        Math.min(promptTokens, cellCount(row, "prefix_length") ?? 0),
      );
    context.truncate(promptTokens);
    context.append(`line ${line}`, promptTokens - context.tokens);
    const blockIds = context.blockIds();
    if (session === undefined) return { blockIds };
    context.append(`answer of line ${line}`, outputTokens);
    return { blockIds, outputBlockIds: context.blockIds().slice(blockIds.length) };
  }
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
    return { csvPath, header: await parsedHeader(candidate, text) };
  }
  if (isHeader || options.companionPath !== undefined) throw new InputError(`${headers[0]}: cannot be read`);
  return { csvPath, header: {} };
}

async function parsedHeader(path: string, text: string): Promise<JsonObject> {
  const { parse } = await import("yaml");
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
    extra: {
      ...(typeof header.mode === "string" && { mode: header.mode }),
      ...(typeof server.type === "string" && { engine: server.type }),
      ...numbersOf(server, ["max_model_len", "gpu_memory_utilization"]),
      ...(positive(server.tensor_parallel) !== undefined && {
        tensor_parallel_size: server.tensor_parallel as number,
      }),
      ...numbersOf(looseObject(header, "network"), ["measured_rtt_ms"]),
      ...numbersOf(header, ["warm_up_requests"]),
      ...(isJsonObject(header.observed_kv_metrics) && {
        observed_kv_metrics: header.observed_kv_metrics as JsonValue,
      }),
    },
  };
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

function numbersOf(fields: JsonObject, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = fields[name];
      return typeof value === "number" && value > 0 ? [[name, value]] : [];
    }),
  );
}
