import type { Ms, Tokens } from "../base/index.js";
import type { EngineSettings } from "../settings/index.js";
import type { BlockTable } from "./block-table.js";
import { isFailure } from "./finish-reasons.js";

/** A JSON value, for fields that are carried through without being interpreted. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Facts about a whole trace: the optional first line `{"meta": {...}}`. */
export interface TraceMeta {
  readonly model?: string;
  readonly gpu?: string;
  /** Where it comes from: "tap", "loadgen", "modeled", an importer's name. */
  readonly source?: string;
  /** Tokens a block behind `blockIds`; 16 where a trace with hashes does not say. The engine's may be others. */
  readonly blockSize?: Tokens;
  /** The engine's settings, as far as they are told. */
  readonly engine?: Partial<EngineSettings>;
  /** Every other field of the meta line, by its wire name, kept for writing back. */
  readonly extra: Readonly<Record<string, JsonValue>>;
}

/** How a request follows another. */
export type ParentKind =
  /** The next turn of the same conversation. */
  | "turn"
  /** The first request of a sub-agent or parallel call that the parent's answer started. */
  | "spawn"
  /** It waits for the parent, the last request of a sub-agent or parallel call, beside its own turn before. */
  | "join"
  /** The same request once more: the parent failed, or was given up. */
  | "retry";

/** A request that another one waits for. */
export interface ParentEdge {
  /** The parent's {@link TraceRecord.requestId}. */
  readonly requestId: string;
  readonly kind: ParentKind;
  /** From the parent's end (or its arrival, see `from`) to this arrival, where the source tells it. */
  readonly gapMs?: Ms;
  /** What starts the gap: the parent's end, or its arrival. Default: its end. */
  readonly from?: "start";
}

/** One message of a prompt, or the tools it offers: its length, not its text. */
export interface PromptMessage {
  /** "system", "tools", "user", "assistant", "tool", ... */
  readonly role: string;
  /** Prompt tokens from the begin of this message to the begin of the next one. */
  readonly tokens: Tokens;
  /** Fingerprint of its content under the trace's key, in hex: equal ones are equal messages. */
  readonly hash?: string;
}

/**
 * One request as it was captured on an engine, or as the simulator modeled it: the two are the same type, so
 * that every tool works on both. Times are milliseconds. A field is undefined where the source does not say.
 */
export interface TraceRecord {
  readonly promptTokens: Tokens;
  /** Prompt tokens whose KV was reused, as the engine reported it. */
  readonly cachedTokens?: Tokens;
  readonly outputTokens: Tokens;
  /** Since the start of the capture. */
  readonly arrivalMs?: Ms;
  /** Arrival to first token. Undefined: no first token was seen (failed, timed out, or no latencies in the source). */
  readonly ttftMs?: Ms;
  /** Gaps between consecutive chunks of output. With one token a chunk, these are inter-token latencies. */
  readonly itlMs?: Float64Array;
  /** Tokens in the chunk that closed each gap, as long as `itlMs`. Undefined: one each. */
  readonly itlTokens?: Int32Array;
  /** Where the gaps themselves were not recorded. */
  readonly itlSummary?: { readonly meanMs: Ms; readonly count: number };
  /** Engine state in the step behind each gap, as long as `itlMs`. */
  readonly itlCtx?: { readonly numRunning: Int32Array; readonly prefillTokens: Int32Array };
  /** Requests in flight when this one arrived, itself included. */
  readonly concurrency?: number;
  /**
   * The prompt's full blocks, first to last, as dense ids of the trace's {@link BlockTable}. Hashes are chained:
   * equal ids mean equal prompts up to the end of that block. Undefined: the source has no hashes.
   */
  readonly blockIds?: Int32Array;
  /** Where the source has one: the prompt's last, partial block, chained like the full ones. */
  readonly tailBlockId?: number;
  /**
   * Where recorded: the full blocks that follow the prompt's full blocks once the answer is appended (the first
   * may begin in the prompt's tail). The next turn, whose prompt contains the answer, starts with them.
   */
  readonly outputBlockIds?: Int32Array;
  readonly outputTokenIds?: Int32Array;
  /** "stop", "length", or what ended it early: "abort", "error", "timeout", ... */
  readonly finishReason?: string;
  /** Arrival to the last thing known of it: the end, the failure, or the end of the capture. */
  readonly elapsedMs?: Ms;
  /** Its name in the capture: what {@link ParentEdge} refers to, and what a row is told apart by. */
  readonly requestId?: string;
  /** The session's name and the turn, from 1, where the source tells them. */
  readonly session?: string;
  readonly turn?: number;
  /** Who named the session: "client" (a load generator's plan), or the header or field that carried it. */
  readonly sessionSource?: string;
  /** The agent within the session that sent it; undefined for the main one, or where there is one only. */
  readonly agent?: string;
  /** The requests that it waits for, where the source tells them. Undefined: not told; empty: none. */
  readonly parents?: readonly ParentEdge[];
  /** The engine of a fleet that served it. */
  readonly replica?: string;
  /** The prompt's messages, first to last, where the capture kept their bounds. */
  readonly messages?: readonly PromptMessage[];
  /** How the lengths of `messages` are known: counted in tokens, or scaled from characters. */
  readonly messagesBy?: "tokens" | "characters";
  /** Every other field of the row, by its wire name, kept for writing back. */
  readonly extra?: Readonly<Record<string, JsonValue>>;
}

/** A row that was not taken, or taken with a doubt: reported, never swallowed. */
export interface RowProblem {
  /** 1-based line of the file, counted after decompression; 0 when it concerns the whole file. */
  readonly line: number;
  readonly reason: string;
}

/** A trace in memory. Records are in order of arrival; without arrivals, in file order. */
export interface Trace {
  readonly meta: TraceMeta;
  readonly records: readonly TraceRecord[];
  readonly blocks: BlockTable;
  /** Rows that were left out. */
  readonly rejected: readonly RowProblem[];
  /** What a user should know: rows out of order, duplicates, a stream cut off, no arrivals, no hashes. */
  readonly warnings: readonly RowProblem[];
}

/**
 * True when the request delivered all its output: neither failed, timed out, nor cut off by the capture's end.
 * @example
 * ```ts
 * import { isAnswered } from "prefixlab/trace";
 * isAnswered({ promptTokens: 100, outputTokens: 24, finishReason: "length" }); // → true
 * isAnswered({ promptTokens: 100, outputTokens: 3, finishReason: "abort" }); // → false
 * ```
 */
export function isAnswered(record: TraceRecord): boolean {
  const { ttftMs, outputTokens, finishReason } = record;
  return (
    (ttftMs !== undefined || outputTokens > 0) && (finishReason === undefined || !isFailure(finishReason))
  );
}

/**
 * True when it {@link isAnswered} and its first token's time is known, so that it tells how long it took.
 * @example
 * ```ts
 * import { isComplete } from "prefixlab/trace";
 * isComplete({ promptTokens: 100, outputTokens: 24, ttftMs: 36 }); // → true
 * isComplete({ promptTokens: 100, outputTokens: 24 }); // → false
 * ```
 */
export function isComplete(record: TraceRecord): boolean {
  return record.ttftMs !== undefined && isAnswered(record);
}

/**
 * First to last token, ms: the sum of the gaps, or mean times count of a summary; undefined without either.
 * @example
 * ```ts
 * import { decodeMs, readCapture } from "prefixlab";
 * const { records } = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * decodeMs(records[1]); // → 77.29
 * ```
 */
export function decodeMs(record: TraceRecord): Ms | undefined {
  const { itlMs } = record;
  if (itlMs) {
    let sum = 0;
    // By place: an iterator over the array would put every gap into an object of its own.
    for (let i = 0; i < itlMs.length; i++) sum += itlMs[i];
    return sum;
  }
  return record.itlSummary && record.itlSummary.meanMs * record.itlSummary.count;
}

/**
 * Mean time per output token, ms: the time from first to last token over the output tokens after the first, as TPOT is
 * defined, whatever the number of chunks that they came in. Undefined where no gap is known or there is one token only.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { meanGapMs } from "prefixlab/trace";
 * const { records } = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * meanGapMs(records[1]); // → 3.36
 * ```
 */
export function meanGapMs(record: TraceRecord): Ms | undefined {
  const totalMs = decodeMs(record);
  const tokens = record.outputTokens - 1;
  if (totalMs === undefined || tokens < 1) return undefined;
  // The product and quotient of one number need not give the mean back to the last digit.
  return !record.itlMs && record.itlSummary?.count === tokens ? record.itlSummary.meanMs : totalMs / tokens;
}

/**
 * Arrival to last token, ms; undefined when it was not complete.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { totalMs } from "prefixlab/trace";
 * const { records } = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * totalMs(records[1]); // → 127
 * ```
 */
export function totalMs(record: TraceRecord): Ms | undefined {
  if (!isComplete(record)) return undefined;
  const decode = decodeMs(record) ?? (record.outputTokens <= 1 ? 0 : undefined);
  return decode === undefined ? undefined : (record.ttftMs as Ms) + decode;
}
