import type { SessionLabels } from "../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A trace of these records, without block hashes. */
export function traceOf(records: readonly Partial<TraceRecord>[]): Trace {
  return {
    meta: { extra: {} },
    records: records.map((record) => ({ promptTokens: 16, outputTokens: 1, ...record })),
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

/** Sessions of so many turns each, one after the other in the trace. */
export function sessionsOf(count: number, turns: number): SessionLabels {
  const rows = Array.from({ length: count * turns }, (_, i) => i);
  return {
    parent: Int32Array.from(rows, (i) => (i % turns === 0 ? -1 : i - 1)),
    turn: Int32Array.from(rows, (i) => (i % turns) + 1),
    session: Int32Array.from(rows, (i) => Math.floor(i / turns)),
  };
}

/** A trace whose requests are complete answers of one token, with these TTFTs. */
export function ttftTrace(ttftsMs: readonly number[]): Trace {
  return traceOf(ttftsMs.map((ttftMs) => ({ ttftMs, finishReason: "length" })));
}

/** The same value n times. */
export function repeated(value: number, n: number): number[] {
  return new Array<number>(n).fill(value);
}
