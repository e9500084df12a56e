import { describeValue, type JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { presentValue } from "./missing.js";
import { optionalCount, optionalObject, optionalText, optionalTimeOf, timesOf } from "./row-fields.js";
import { timeUnitOf, unitMs } from "./time-unit.js";
import { type RecordFields, summaryOf } from "./trace-builder.js";

/**
 * One row of an AIPerf profile export.
 *
 * - `metadata`: `request_start_ns`, `request_end_ns` (wall clock; beyond 2^53 ns a double is good to 0.3 us),
 *   `x_request_id`, `x_correlation_id` (the session), `turn_index` (from 0), `agent_depth` (0 for a root: deeper ones are
 *   sub-agents, sessions of their own), `parent_correlation_id` (the session that spawned this one), `was_cancelled`,
 *   `benchmark_phase`, `phase_kind` (rows of the warm-up are left out and counted). Early versions: `timestamp_ns` and
 *   `credit_phase`
 * - `metrics`: each a `{value, unit}`: `input_sequence_length`, `output_sequence_length` (with reasoning tokens),
 *   `time_to_first_token` (`ttft` in early versions), `inter_chunk_latency` (every gap), `inter_token_latency` (their mean),
 *   `request_latency`; `error_isl` is the prompt of a failed request
 * - `usage_prompt_tokens`, `usage_completion_tokens`, `usage_prompt_cache_read_tokens`: the server's counts, where it told
 *   them. They count what it computed, template and all; the client's then stand in `client_prompt_tokens` and
 *   `client_output_tokens` where they differ
 * - `error`: null, or what went wrong: finish reason "abort" where cancelled, "timeout" or "error"
 */
export function aiperfRecord(
  row: JsonObject,
  firstNs: number,
  onWarmUp: () => void,
): RecordFields | undefined {
  const metadata = optionalObject(row, "metadata");
  if (!metadata) throw new RowError("metadata is missing: a profile export row has metadata and metrics");
  if (isWarmUp(metadata)) {
    onWarmUp();
    return undefined;
  }
  const metrics = optionalObject(row, "metrics") ?? {};
  const startMs = clock(metadata, startField(metadata));
  const startNs = metadata[startField(metadata)] as number;
  const hasEnd = (presentValue(metadata.request_end_ns) ?? 0) !== 0;
  const endMs = hasEnd ? clock(metadata, "request_end_ns") : undefined;
  if (endMs !== undefined && endMs < startMs) throw new RowError("request_end_ns is before request_start_ns");
  const error = optionalObject(row, "error");
  const clientPrompt = tokens(metrics, "input_sequence_length") ?? tokens(metrics, "error_isl");
  // A prompt that was sent is not 0 long, and an answer that came is not empty, whatever a server says of itself.
  const promptTokens = tokens(metrics, "usage_prompt_tokens") || clientPrompt;
  if (promptTokens === undefined) throw new RowError("metrics.input_sequence_length is missing");
  const clientOutput = tokens(metrics, "output_sequence_length") ?? tokens(metrics, "output_token_count");
  const outputTokens = tokens(metrics, "usage_completion_tokens") || clientOutput;
  const isCutShort = error !== undefined || metadata.was_cancelled === true;
  if (outputTokens === undefined && !isCutShort)
    throw new RowError("metrics.output_sequence_length is missing");
  const output = outputTokens ?? 0;
  const gaps = metric(metrics, "inter_chunk_latency");
  const meanMs = duration(metrics, "inter_token_latency");
  const turnIndex = optionalCount(metadata, "turn_index");
  const reasoning = tokens(metrics, "usage_reasoning_tokens") ?? tokens(metrics, "reasoning_token_count");
  const written = tokens(metrics, "usage_prompt_cache_write_tokens");
  const extra = {
    ...(clientPrompt !== undefined &&
      clientPrompt !== promptTokens && { client_prompt_tokens: clientPrompt }),
    ...(clientOutput !== undefined && clientOutput !== output && { client_output_tokens: clientOutput }),
    ...(reasoning !== undefined && { reasoning_tokens: reasoning }),
    ...(written !== undefined && { cache_write_tokens: written }),
  };
  return {
    promptTokens,
    cachedTokens: tokens(metrics, "usage_prompt_cache_read_tokens"),
    outputTokens: output,
    arrivalMs: (startNs - firstNs) / 1e6,
    ttftMs: duration(metrics, "time_to_first_token") ?? duration(metrics, "ttft"),
    itlMs: Array.isArray(gaps?.value)
      ? timesOf(gaps.value as unknown[], "metrics.inter_chunk_latency", scaleOf("inter_chunk_latency", gaps))
      : undefined,
    itlSummary: gaps || meanMs === undefined ? undefined : summaryOf(meanMs * (output - 1), output),
    elapsedMs: duration(metrics, "request_latency") ?? (endMs === undefined ? undefined : endMs - startMs),
    finishReason: error || metadata.was_cancelled === true ? failure(metadata, error) : undefined,
    requestId: optionalText(metadata, "x_request_id"),
    session: aiperfSession(metadata),
    turn: turnIndex === undefined ? undefined : turnIndex + 1,
    agent: (optionalCount(metadata, "agent_depth") ?? 0) > 0 ? aiperfSession(metadata) : undefined,
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** When the request of a profile export row started, ns of wall clock; undefined for a warm-up row or none. */
export function aiperfStartNs(row: JsonObject): number | undefined {
  const metadata = row.metadata as JsonObject | null | undefined;
  if (!metadata || isWarmUp(metadata)) return undefined;
  const start = metadata[startField(metadata)];
  return typeof start === "number" && start > 0 ? start : undefined;
}

/** The session of a row: `x_correlation_id`, one a session of the run, or `conversation_id` where there is none. */
export function aiperfSession(metadata: JsonObject): string | undefined {
  return optionalText(metadata, "x_correlation_id") ?? optionalText(metadata, "conversation_id");
}

function isWarmUp(metadata: JsonObject): boolean {
  const { benchmark_phase: phase, phase_kind: kind, credit_phase: earlyPhase } = metadata;
  return [phase, kind, earlyPhase].includes("warmup");
}

function startField(metadata: JsonObject): string {
  return metadata.request_start_ns === undefined && metadata.timestamp_ns !== undefined
    ? "timestamp_ns"
    : "request_start_ns";
}

function failure(metadata: JsonObject, error: JsonObject | undefined): string {
  if (metadata.was_cancelled === true) return "abort";
  return error && /timeout/i.test(optionalText(error, "type") ?? "") ? "timeout" : "error";
}

function clock(metadata: JsonObject, field: string): number {
  const value = metadata[field];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value / 1e6;
  throw new RowError(`metadata.${field} must be a time in nanoseconds, got ${describeValue(value)}`);
}

function metric(metrics: JsonObject, name: string): JsonObject | undefined {
  return optionalObject(metrics, name);
}

function scaleOf(name: string, value: JsonObject): number {
  const unit = timeUnitOf(value.unit);
  if (unit === undefined)
    throw new RowError(`metrics.${name} has the unit ${describeValue(value.unit)}, not a time`);
  return unitMs(unit);
}

function duration(metrics: JsonObject, name: string): number | undefined {
  const found = metric(metrics, name);
  return found && optionalTimeOf(found.value, `metrics.${name}`, scaleOf(name, found));
}

function tokens(metrics: JsonObject, name: string): number | undefined {
  const found = metric(metrics, name);
  return found && optionalCount({ [`metrics.${name}`]: found.value }, `metrics.${name}`);
}
