import type { Bytes } from "../base/index.js";
import { PARENT_KINDS, type SessionLabels, type Workload } from "../sessions/index.js";
import { settingsToWire } from "../settings/index.js";
import {
  dataParallel,
  decodeMs,
  isAnswered,
  type JsonValue,
  type Trace,
  type TraceMeta,
  type TraceRecord,
} from "../trace/index.js";
import { capturedEngine } from "./captured-engine.js";
import { capturedPacing } from "./captured-pacing.js";
import { idRunsOf } from "./id-runs.js";
import { type Column, packColumns } from "./packed-columns.js";

/** How a request ended, as far as a replay asks: a name stands for its place. */
export const ends = ["not told", "answered", "timeout", "failed"] as const;

/** Stands in a column of counts for what is not told. */
export const notTold = -1;

/** What is said of a packed workload beside its columns. */
export interface WorkloadHead {
  readonly meta: {
    readonly blockSize?: number;
    readonly engine?: Readonly<Record<string, string | number | boolean>>;
    readonly extra: Readonly<Record<string, JsonValue>>;
  };
  /** Distinct blocks: ids run from 0 to one less. */
  readonly blocks: number;
}

/**
 * A workload in one piece, for a page that carries it and for threads that share it: columns of numbers, and no more of its
 * meta line than a replay asks for. Hashes, keys, names of requests, sessions, models and engines, prompts and messages stay
 * out; blocks are dense ids, which say which prompts share a beginning and nothing else.
 * @param allocate memory of so many bytes, such as a SharedArrayBuffer; default: an ArrayBuffer
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { packWorkload, unpackWorkload } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const bytes = packWorkload(workload, (size) => new SharedArrayBuffer(size));
 * unpackWorkload(bytes).trace.records.length === workload.trace.records.length; // → true
 * ```
 */
export function packWorkload(
  { trace, sessions }: Workload,
  allocate?: (bytes: Bytes) => ArrayBuffer | SharedArrayBuffer,
): Uint8Array {
  const { records } = trace;
  const prompts = idRunsOf(records.map(({ blockIds }) => blockIds));
  const answers = idRunsOf(records.map(({ outputBlockIds }) => outputBlockIds));
  const head: WorkloadHead = { meta: metaOf(trace), blocks: trace.blocks.size };
  const packed = {
    head,
    columns: {
      promptTokens: Int32Array.from(records, (r) => r.promptTokens),
      outputTokens: Int32Array.from(records, (r) => r.outputTokens),
      cachedTokens: counts(records, (r) => r.cachedTokens),
      concurrency: counts(records, (r) => r.concurrency),
      arrivalMs: times(records, (r) => r.arrivalMs),
      ttftMs: times(records, (r) => r.ttftMs),
      decodeMs: times(records, decodeMs),
      elapsedMs: times(records, (r) => r.elapsedMs),
      end: Uint8Array.from(records, endOf),
      priority: times(records, ({ extra }) => numberOf(extra?.priority)),
      benchmark: times(records, ({ extra }) => numberOf(extra?.benchmark)),
      promptRuns: prompts.counts,
      promptSteps: prompts.steps,
      promptLengths: prompts.lengths,
      answerRuns: answers.counts,
      answerSteps: answers.steps,
      answerLengths: answers.lengths,
      ...sessionColumns(sessions),
    },
  };
  return packColumns(packed, allocate);
}

function sessionColumns({
  parent,
  turn,
  session,
  link,
  waits,
  agentDepth,
}: SessionLabels): Record<string, Column> {
  const told = [...(waits ?? [])].flatMap(([record, all]) => all.map((wait) => ({ record, ...wait })));
  return {
    parent,
    turn,
    session,
    ...(link && { link }),
    ...(agentDepth && { agentDepth }),
    ...(waits && {
      waitRecord: Int32Array.from(told, ({ record }) => record),
      waitParent: Int32Array.from(told, (wait) => wait.parent),
      waitKind: Uint8Array.from(told, ({ kind }) => PARENT_KINDS.indexOf(kind)),
      waitFromStart: Uint8Array.from(told, ({ from }) => (from === "start" ? 1 : 0)),
      waitGapMs: Float64Array.from(told, ({ gapMs }) => gapMs ?? Number.NaN),
    }),
  };
}

/** Of a meta line what a replay reads: numbers, switches and words of this package. */
function metaOf(trace: Trace): WorkloadHead["meta"] {
  const { meta } = trace;
  const { asyncScheduling } = capturedEngine(meta);
  const engine = { ...meta.engine, ...(asyncScheduling !== undefined && { asyncScheduling }) };
  const { ranks, isLockstep } = dataParallel(meta);
  const { pacing, from } = capturedPacing(trace);
  return {
    ...(meta.blockSize !== undefined && { blockSize: meta.blockSize }),
    ...(Object.keys(engine).length > 0 && { engine: settingsToWire(engine) }),
    extra: {
      ...(from === "captured" && { pacing }),
      ...(ranks > 1 && { data_parallel_size: ranks, expert_parallel: isLockstep }),
      ...clientOf(meta),
    },
  };
}

/** How many requests the client kept in flight. */
function clientOf({ extra }: TraceMeta): Record<string, JsonValue> {
  const { max_concurrency: places, request_rate: rate, options } = extra;
  const isPlaces = numberOf(places) !== undefined || (Array.isArray(places) && places.every(isNumber));
  return {
    ...(isPlaces && { max_concurrency: places as JsonValue }),
    ...(isNumber(rate) && { request_rate: rate }),
    ...(options !== null && typeof options === "object" && !Array.isArray(options)
      ? { options: workersOf(options as Readonly<Record<string, JsonValue>>) }
      : {}),
  };
}

function workersOf({
  pattern,
  concurrency,
  stairs,
  duration_ms: durationMs,
}: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> {
  return {
    ...((pattern === "constant" || pattern === "staircase") && { pattern }),
    ...(isNumber(concurrency) && { concurrency }),
    ...(Array.isArray(stairs) && { stairs: stairs.filter(isNumber) }),
    ...(isNumber(durationMs) && { duration_ms: durationMs }),
  };
}

function endOf(record: TraceRecord): number {
  if (record.finishReason === undefined) return ends.indexOf("not told");
  if (record.finishReason === "timeout") return ends.indexOf("timeout");
  // Whether an answer came is asked apart from whether the row says that it failed.
  const asAnswered = { ...record, ttftMs: record.ttftMs ?? 0 };
  return ends.indexOf(isAnswered(asAnswered) ? "answered" : "failed");
}

function counts(records: readonly TraceRecord[], of: (r: TraceRecord) => number | undefined): Int32Array {
  return Int32Array.from(records, (record) => of(record) ?? notTold);
}

function times(records: readonly TraceRecord[], of: (r: TraceRecord) => number | undefined): Float64Array {
  return Float64Array.from(records, (record) => of(record) ?? Number.NaN);
}

function numberOf(value: unknown): number | undefined {
  return isNumber(value) ? value : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
