import { decodeMs, type Trace, type TraceRecord } from "../trace/index.js";
import type { FrameRow, FrameValue } from "./data-frame.js";

/** The columns, by the name that carries the unit. */
const columns: Readonly<Record<string, (record: TraceRecord) => FrameValue | undefined>> = {
  arrivalMs: ({ arrivalMs }) => tenths(arrivalMs),
  session: ({ session }) => session,
  turn: ({ turn }) => turn,
  promptTokens: ({ promptTokens }) => promptTokens,
  cachedTokens: ({ cachedTokens }) => cachedTokens,
  outputTokens: ({ outputTokens }) => outputTokens,
  concurrency: ({ concurrency }) => concurrency,
  ttftMs: ({ ttftMs }) => tenths(ttftMs),
  decodeMs: (record) => tenths(decodeMs(record)),
  finishReason: ({ finishReason }) => finishReason,
};

/**
 * A trace as rows for a table: one a request, times rounded to a tenth of a millisecond. A column that some request
 * lacks is left out, since a table has no place for missing values.
 * @example
 * ```ts
 * import { readCapture, traceRows } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { turn, promptTokens, cachedTokens, ttftMs } = traceRows(trace)[1];
 * [turn, promptTokens, cachedTokens, ttftMs]; // → [2, 1480, 1344, 49.7]
 * ```
 */
export function traceRows(trace: Pick<Trace, "records">): FrameRow[] {
  const kept = Object.entries(columns).filter(([, read]) =>
    trace.records.every((record) => read(record) !== undefined),
  );
  return trace.records.map((record) =>
    Object.fromEntries(kept.map(([name, read]) => [name, read(record) as FrameValue])),
  );
}

function tenths(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 10) / 10;
}
