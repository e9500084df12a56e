import type { JsonObject, Ms } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { chainedIds, promptBlocks } from "./block-ids.js";
import { dynamoEdges } from "./dynamo-edges.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { logFiles } from "./log-files.js";
import {
  count,
  looseObject,
  optionalCount,
  optionalObject,
  optionalText,
  optionalTime,
} from "./row-fields.js";
import { summaryOf, TraceBuilder } from "./trace-builder.js";

/**
 * Request traces of Dynamo (ai-dynamo/dynamo, `dynamo.request.trace.v1`): JSON lines, a file or a folder of shards; a line is
 * the record, or `{timestamp, event: record}`. Of its events, `request_end` is read; tools and payloads are passed over.
 *
 * - `request`: `request_id`, `request_received_ms` (Unix ms: the arrival), `input_tokens` with the cached ones,
 *   `cached_tokens`, `output_tokens` (of a cancelled stream, what had come until then), `ttft_ms`, `total_time_ms`, `avg_itl_ms`
 *   (a mean), `prefill_wait_time_ms` (kept as `waiting_ms`), `queue_depth`, `worker` (the engine whose cache is asked: `replica`),
 *   `finish_reason_metadata`
 * - `replay`: `trace_block_size`, `input_length`, `input_sequence_hashes`: chained 64-bit hashes, one a block, the last, partial
 *   one included; all rows must have one block size. Answers have none.
 * - `agent_context`: `session_id`, `parent_session_id`: see `dynamo-edges.ts`. Without it there are no sessions.
 *
 * Not written by the source: requests with `n` or `best_of` above 1, embeddings as prompts, multimodal ones. Its sinks are
 * best effort: requests can be missing.
 */
export const dynamo: Importer = {
  format: "dynamo",
  description:
    "Dynamo request traces (v1, a file or a folder): latencies, cached tokens, 64-bit block hashes, agents",
  async read(path, options) {
    const builder = new TraceBuilder(path, options, options.blockSize ?? 16, {
      field: "request_received_ms",
      unit: "ms",
    });
    const rows: { event: JsonObject; line: number; ids: Int32Array | undefined }[] = [];
    for (const file of await logFiles(path))
      await readJsonRows(
        file,
        builder,
        options,
        (row, line, ids) => {
          const event = optionalObject(row, "event") ?? row;
          const type = event.event_type ?? "request_end";
          if (type !== "request_end") return;
          if (event.request === undefined)
            throw new RowError("request is missing: not a request_end of Dynamo");
          rows.push({ event, line, ids: ids && chainedIds(ids, builder.blocks) });
        },
        "input_sequence_hashes",
      );
    const sizes = rows.map(
      ({ event }) => looseObject(looseObject(event, "request"), "replay").trace_block_size,
    );
    const told = sizes.find((size): size is number => typeof size === "number" && size > 0);
    const blockSize = options.blockSize ?? told ?? 16;
    builder.useBlockSize(blockSize);
    const edges = dynamoEdges(rows.map(({ event }) => event));
    for (const [at, { event, line, ids }] of rows.entries())
      builder.row(line, () => ({ ...requestOf(event, ids, blockSize), ...edges[at] }));
    const models = new Set(rows.flatMap(({ event }) => looseObject(event, "request").model ?? []));
    return builder.finish({
      source: "dynamo",
      ...(told !== undefined && { blockSize }),
      ...(models.size === 1 && { model: String([...models][0]) }),
      extra: {},
    });
  },
};

function requestOf(event: JsonObject, ids: Int32Array | undefined, blockSize: number) {
  const request = looseObject(event, "request");
  const replay = optionalObject(request, "replay") ?? {};
  const size = optionalCount(replay, "trace_block_size", 1);
  if (size !== undefined && size !== blockSize)
    throw new RowError(`trace_block_size is ${size}, that of the trace is ${blockSize}`);
  const promptTokens = optionalCount(replay, "input_length", 1) ?? optionalCount(request, "input_tokens", 1);
  if (promptTokens === undefined) throw new RowError("neither replay.input_length nor input_tokens is there");
  const outputTokens = count(request, "output_tokens");
  const ttftMs = optionalTime(request, "ttft_ms") || undefined;
  const elapsedMs = optionalTime(request, "total_time_ms") || undefined;
  const meanMs = optionalTime(request, "avg_itl_ms") || undefined;
  const finish = optionalObject(request, "finish_reason_metadata") ?? {};
  return {
    promptTokens,
    outputTokens,
    cachedTokens: optionalCount(request, "cached_tokens"),
    arrivalMs: optionalTime(request, "request_received_ms") || undefined,
    ttftMs,
    elapsedMs,
    itlSummary:
      outputTokens < 2
        ? undefined
        : meanMs !== undefined
          ? { meanMs, count: outputTokens - 1 }
          : decodeOf(ttftMs, elapsedMs, outputTokens),
    ...(ids && promptBlocks("input_sequence_hashes", ids, promptTokens, blockSize)),
    finishReason: optionalText(finish, "finish_reason"),
    requestId: optionalText(request, "request_id"),
    replica: replicaOf(request),
    extra: extraOf(request),
  };
}

function decodeOf(ttftMs: Ms | undefined, elapsedMs: Ms | undefined, outputTokens: number) {
  return ttftMs === undefined || elapsedMs === undefined || elapsedMs < ttftMs
    ? undefined
    : summaryOf(elapsedMs - ttftMs, outputTokens);
}

/** The engine whose prefix cache the prompt met: the prefill worker, and its data-parallel rank. */
function replicaOf(request: JsonObject): string | undefined {
  const worker = looseObject(request, "worker");
  const id = worker.prefill_worker_id ?? worker.decode_worker_id;
  const rank = worker.prefill_worker_id === undefined ? worker.decode_dp_rank : worker.prefill_dp_rank;
  if (id === undefined || id === null) return undefined;
  return rank === undefined || rank === null ? String(id) : `${String(id)}/${String(rank)}`;
}

function extraOf(request: JsonObject) {
  const named = {
    waiting_ms: optionalTime(request, "prefill_wait_time_ms"),
    queue_depth: optionalCount(request, "queue_depth"),
    kv_transfer_ms: optionalTime(request, "kv_transfer_estimated_latency_ms"),
  };
  const extra = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  return Object.keys(extra).length > 0 ? (extra as Record<string, number>) : undefined;
}
