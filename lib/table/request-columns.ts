import type { Ms, Tokens } from "../base/index.js";
import { isComplete, meanGapMs, type TraceRecord, totalMs } from "../trace/index.js";
import type { TableValue } from "./table-column.js";

/** What a table of requests keeps of a record. */
export interface RequestFields {
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly cachedTokens: Tokens | undefined;
  readonly arrivalMs: Ms | undefined;
  readonly ttftMs: Ms | undefined;
  readonly itlMeanMs: Ms | undefined;
  readonly totalMs: Ms | undefined;
  readonly elapsedMs: Ms | undefined;
  readonly concurrency: number | undefined;
  readonly promptBlocks: number | undefined;
  readonly finishReason: string | undefined;
  readonly completed: boolean;
}

/** A request with its place: see `LabelledRow` of `prefixlab/scale`. */
export interface LabelledFields {
  readonly index: number;
  /** -1 for the first turn of a session. */
  readonly parent: number;
  readonly turn: number;
  readonly session: number;
  readonly value: RequestFields;
}

/** Columns of a table of requests. */
export type RequestColumnName =
  | "request"
  | "session"
  | "turn"
  | "parent"
  | "arrival_ms"
  | "prompt_tokens"
  | "cached_tokens"
  | "output_tokens"
  | "prompt_blocks"
  | "ttft_ms"
  | "itl_mean_ms"
  | "total_ms"
  | "elapsed_ms"
  | "concurrency"
  | "completed"
  | "finish_reason";

/** A column of a table of requests: its type in SQL, and its value of a request. */
export interface RequestColumn {
  readonly name: RequestColumnName;
  readonly type: "BIGINT" | "INTEGER" | "DOUBLE" | "BOOLEAN" | "VARCHAR";
  read(row: LabelledFields): TableValue;
}

/**
 * The columns of a table of requests, in order; `lib/scale/SQL.md` says what each means.
 * @example
 * ```ts
 * import { requestColumns } from "prefixlab/table";
 * requestColumns.slice(0, 4).map(({ name, type }) => `${name} ${type}`); // → ["request BIGINT", "session BIGINT", "turn INTEGER", "parent BIGINT"]
 * ```
 */
export const requestColumns: readonly RequestColumn[] = [
  { name: "request", type: "BIGINT", read: ({ index }) => index },
  { name: "session", type: "BIGINT", read: ({ session }) => session },
  { name: "turn", type: "INTEGER", read: ({ turn }) => turn },
  { name: "parent", type: "BIGINT", read: ({ parent }) => (parent < 0 ? undefined : parent) },
  { name: "arrival_ms", type: "DOUBLE", read: ({ value }) => value.arrivalMs },
  { name: "prompt_tokens", type: "INTEGER", read: ({ value }) => value.promptTokens },
  { name: "cached_tokens", type: "INTEGER", read: ({ value }) => value.cachedTokens },
  { name: "output_tokens", type: "INTEGER", read: ({ value }) => value.outputTokens },
  { name: "prompt_blocks", type: "INTEGER", read: ({ value }) => value.promptBlocks },
  { name: "ttft_ms", type: "DOUBLE", read: ({ value }) => value.ttftMs },
  { name: "itl_mean_ms", type: "DOUBLE", read: ({ value }) => value.itlMeanMs },
  { name: "total_ms", type: "DOUBLE", read: ({ value }) => value.totalMs },
  { name: "elapsed_ms", type: "DOUBLE", read: ({ value }) => value.elapsedMs },
  { name: "concurrency", type: "INTEGER", read: ({ value }) => value.concurrency },
  { name: "completed", type: "BOOLEAN", read: ({ value }) => value.completed },
  { name: "finish_reason", type: "VARCHAR", read: ({ value }) => value.finishReason },
];

/**
 * What a table of requests keeps of a record.
 * @example
 * ```ts
 * import { requestFields } from "prefixlab/table";
 * requestFields({ promptTokens: 100, outputTokens: 24, ttftMs: 36 }).completed; // → true
 * ```
 */
export function requestFields(record: TraceRecord): RequestFields {
  return {
    promptTokens: record.promptTokens,
    outputTokens: record.outputTokens,
    cachedTokens: record.cachedTokens,
    arrivalMs: record.arrivalMs,
    ttftMs: record.ttftMs,
    itlMeanMs: meanGapMs(record),
    totalMs: totalMs(record),
    elapsedMs: record.elapsedMs,
    concurrency: record.concurrency,
    promptBlocks: record.blockIds?.length,
    finishReason: record.finishReason,
    completed: isComplete(record),
  };
}
