import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, type JsonObject } from "../../../base/index.js";
import { type EngineSettings, settingsFromWire } from "../../../settings/index.js";
import { RowError } from "../../row-error.js";
import type { JsonValue } from "../../trace.js";
import { fingerprintTokens, internHashes } from "../fingerprint.js";
import type { Importer, ImportOptions } from "./importer.js";
import { readJsonDocument, readJsonRows } from "./json-rows.js";
import { count, optionalList, optionalObject, optionalText, optionalTime, time } from "./row-fields.js";
import { summaryOf, TraceBuilder } from "./trace-builder.js";

/**
 * Runs of real vLLM recorded by casys-kaist/LLMServingSim (bench/examples): `requests.jsonl`, with `meta.json` beside
 * it, and the workload's token ids.
 *
 * - `arrival_time` is the client's wall clock (s); `queued_ts`, `scheduled_ts`, `first_token_ts`, `last_token_ts` are
 *   the engine's monotonic clock (s). A record stands on the engine's clock alone: it arrives when it is queued, and
 *   TTFT is `first_token_ts - queued_ts`, as in the source's own tables. The client's arrival, relative to the first
 *   one, is kept as `client_arrival_ms`, waiting in the engine as `waiting_ms`.
 * - A moment of 0 was not recorded: a request that did not get there.
 * - Gaps were not recorded: their mean is (last - first) / (output - 1).
 * - Row i ran row i of the workload (`input_tok_ids`): fingerprinted in blocks of the engine's block size. The
 *   workload is `companionPath`, or a single `*.jsonl` or `*.jsonl.gz` beside or above the run's folder whose lengths
 *   match. Without it the trace has no hashes.
 *
 * `path` is `requests.jsonl`, the folder that holds it, or a workload file: then arrivals (`arrival_time_ns`), lengths
 * and hashes without latencies.
 */
export const llmservingsim: Importer = {
  format: "llmservingsim",
  description: "LLMServingSim runs of real vLLM (requests.jsonl, meta.json, workload with token ids)",
  async read(path, options) {
    const folder = await stat(path).then(
      (s) => s.isDirectory(),
      () => false,
    );
    const requestsPath = folder ? join(path, "requests.jsonl") : path;
    const meta = await readJsonDocument(join(dirname(requestsPath), "meta.json")).catch(() => undefined);
    const blockSize = options.blockSize ?? engineBlockSize(meta) ?? 16;
    const builder = new TraceBuilder(requestsPath, options, blockSize);
    const rows: { row: JsonObject; line: number }[] = [];
    await readJsonRows(requestsPath, builder, options, (row, line) => rows.push({ row, line }));
    if (rows.length === 0) throw new InputError(`${requestsPath}: holds no record`);
    if (rows[0]?.row.arrival_time_ns !== undefined) addWorkload(builder, rows, options, blockSize);
    else await addRun(builder, rows, requestsPath, options, blockSize);
    if (!meta)
      builder.assume(`no meta.json beside it: engine settings are unknown, blocks of ${blockSize} tokens`);
    return builder.finish({
      source: "llmservingsim",
      blockSize,
      ...(typeof meta?.model === "string" && { model: meta.model }),
      ...deviceOf(meta),
      engine: engineOf(meta),
      extra: engineFacts(meta),
    });
  },
};

type Rows = readonly { readonly row: JsonObject; readonly line: number }[];

async function addRun(
  builder: TraceBuilder,
  rows: Rows,
  path: string,
  options: ImportOptions,
  blockSize: number,
): Promise<void> {
  const workload = await findWorkload(path, rows, options);
  if (!workload) builder.warn("no workload with matching lengths was found: no block hashes");
  const queued = rows.map(({ row }) => row.queued_ts).filter((t): t is number => typeof t === "number");
  const sent = rows.map(({ row }) => row.arrival_time).filter((t): t is number => typeof t === "number");
  const firstQueued = queued.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const firstSent = sent.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  for (const [i, { row, line }] of rows.entries())
    builder.row(line, () => {
      const at = time(row, "queued_ts");
      const scheduled = optionalTime(row, "scheduled_ts") || undefined;
      const first = optionalTime(row, "first_token_ts") || undefined;
      const last = optionalTime(row, "last_token_ts") || undefined;
      const known = [at, scheduled, first, last].filter((moment): moment is number => moment !== undefined);
      if (known.some((moment, i) => i > 0 && moment < (known[i - 1] as number)))
        throw new RowError("queued_ts, scheduled_ts, first_token_ts and last_token_ts must not go backwards");
      const outputTokens = count(row, "output_toks");
      return {
        promptTokens: count(row, "input_toks"),
        outputTokens,
        requestId: optionalText(row, "request_id"),
        arrivalMs: (at - firstQueued) * 1000,
        ttftMs: first === undefined ? undefined : (first - at) * 1000,
        itlSummary:
          first === undefined || last === undefined
            ? undefined
            : summaryOf((last - first) * 1000, outputTokens),
        elapsedMs: last === undefined ? undefined : (last - at) * 1000,
        blockIds: workload && hashed(builder, workload[i], options, blockSize),
        extra: {
          ...(scheduled !== undefined && { waiting_ms: (scheduled - at) * 1000 }),
          ...(typeof row.arrival_time === "number" && {
            client_arrival_ms: (row.arrival_time - firstSent) * 1000,
          }),
        },
      };
    });
}

function addWorkload(builder: TraceBuilder, rows: Rows, options: ImportOptions, blockSize: number): void {
  for (const { row, line } of rows)
    builder.row(line, () => ({
      promptTokens: count(row, "input_toks"),
      outputTokens: count(row, "output_toks"),
      arrivalMs: time(row, "arrival_time_ns", 1e-6),
      blockIds: hashed(builder, row, options, blockSize),
    }));
}

function hashed(
  builder: TraceBuilder,
  row: JsonObject,
  options: ImportOptions,
  blockSize: number,
): Int32Array | undefined {
  const tokens = optionalList(row, "input_tok_ids");
  if (!tokens) return undefined;
  if (tokens.length !== row.input_toks)
    throw new RowError(
      `input_tok_ids has ${tokens.length} entries, but input_toks is ${String(row.input_toks)}`,
    );
  const key = options.fingerprintKey;
  try {
    return internHashes(
      fingerprintTokens(tokens as number[], { blockSize, ...(key && { key }) }),
      builder.blocks,
    );
  } catch (error) {
    if (error instanceof InputError) throw new RowError(error.message);
    throw error;
  }
}

async function findWorkload(
  path: string,
  rows: Rows,
  options: ImportOptions,
): Promise<JsonObject[] | undefined> {
  if (options.companionPath !== undefined) {
    const workload = await readWorkload(options.companionPath);
    if (!matches(workload, rows))
      throw new InputError(`${options.companionPath}: its lengths are not those of ${path}, row by row`);
    return workload;
  }
  const own = dirname(path);
  for (const folder of [own, dirname(own), join(own, "..", "workloads")]) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((n) => /\.jsonl(\.gz)?$/.test(n) && join(folder, n) !== path).sort()) {
      const workload = await readWorkload(join(folder, name)).catch(() => undefined);
      if (workload && matches(workload, rows)) return workload;
    }
  }
  return undefined;
}

async function readWorkload(path: string): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  await readJsonRows(path, new TraceBuilder(path, { strict: true }, 16), {}, (row) => rows.push(row));
  return rows;
}

function matches(workload: readonly JsonObject[], rows: Rows): boolean {
  return (
    workload.length === rows.length && rows.every(({ row }, i) => workload[i]?.input_toks === row.input_toks)
  );
}

function engineBlockSize(meta: JsonObject | undefined): number | undefined {
  const size = meta && optionalObject(meta, "kv_cache")?.block_size;
  return typeof size === "number" && Number.isInteger(size) && size > 0 ? size : undefined;
}

function deviceOf(meta: JsonObject | undefined): { gpu?: string } {
  const name = meta && optionalObject(meta, "hardware")?.device_name;
  return typeof name === "string" ? { gpu: name } : {};
}

/** What engine it was, in how many parts. */
function engineFacts(meta: JsonObject | undefined): Record<string, JsonValue> {
  if (!meta) return {};
  const { vllm_version: version } = meta;
  const given = optionalObject(meta, "engine_kwargs") ?? {};
  const parts = ["tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size"].flatMap((name) => {
    const size = given[name];
    return typeof size === "number" && size > 1 ? [[name, size]] : [];
  });
  return {
    ...(typeof version === "string" && { engine: "vllm", engine_version: version, vllm_version: version }),
    ...Object.fromEntries(parts),
    ...(given.enable_expert_parallel === true && { expert_parallel: true }),
  };
}

/** The arguments that vLLM was started with, what it made of them, and the pool that it found room for. */
function engineOf(meta: JsonObject | undefined): Partial<EngineSettings> {
  if (!meta) return {};
  const pool = optionalObject(meta, "kv_cache");
  const resolved = optionalObject(meta, "resolved_config");
  const scheduler = resolved && optionalObject(resolved, "scheduler_config");
  return settingsFromWire({
    ...optionalObject(meta, "engine_kwargs"),
    ...(scheduler && {
      async_scheduling: scheduler.async_scheduling,
      long_prefill_token_threshold: scheduler.long_prefill_token_threshold,
      scheduler_reserve_full_isl: scheduler.scheduler_reserve_full_isl,
      scheduling_policy: scheduler.policy,
    }),
    engine_block_size: pool?.block_size,
    num_gpu_blocks: pool?.num_gpu_blocks,
  });
}
