import {
  type FileFactsState,
  outlineTrace,
  type ReadProgress,
  readTracePart,
  type TraceOutline,
} from "../trace/files/index.js";
import { SessionTotals, type SessionTotalsState, waitOf } from "./session-totals.js";
import { SessionWindows, type WindowShape } from "./session-windows.js";
import { TraceTotals, type TraceTotalsState } from "./trace-totals.js";

/** Windows of sessions that one part of a trace decides: `first` up to, not including, `end`. */
export interface PartWindows {
  readonly first: number;
  /** Infinity for the last part. */
  readonly end: number;
}

/** What the windows of a part tell, as plain data: parts of one trace are put together by `mergeParts`. */
export interface TracePart {
  readonly facts: FileFactsState;
  readonly totals: TraceTotalsState;
  readonly sessions: SessionTotalsState;
  /** Undefined where the trace ends before the part's first window. */
  readonly order?: {
    /** Which records were held, in which order, when its first window began and when its last one was decided. */
    readonly before: number;
    readonly after?: number;
  };
}

/** Chains are read into a table that is emptied once it holds this many blocks. */
export const tableBlocks = 250_000;

/**
 * The windows of `count` parts of about equal length, those with one more first: parts behind read half a window before their own.
 * Windows over a trace are at least as many as parts, or some are empty.
 */
export function partWindows(outline: TraceOutline, shape: WindowShape, count: number): PartWindows[] {
  const rows = outline.lines - outline.metaLine;
  const windows = rows < shape.size ? 1 : Math.floor((rows - shape.size) / shape.step) + 2;
  const first = (part: number) => Math.ceil((windows * part) / count);
  return Array.from({ length: count }, (_, part) => ({
    first: first(part),
    end: part === count - 1 ? Number.POSITIVE_INFINITY : first(part + 1),
  }));
}

/** Reads a part of a trace, and what it is: see {@link outlineTrace}. @throws InputError as `readTraceRows` does */
export async function summarizePart(
  path: string,
  outline: TraceOutline,
  shape: WindowShape,
  { first, end }: PartWindows,
  onProgress?: (progress: ReadProgress) => void,
): Promise<TracePart> {
  const totals = new TraceTotals();
  const sessionTotals = new SessionTotals();
  const windows = new SessionWindows<number>({
    shape,
    firstWindow: first,
    blockSize: () => outline.meta.blockSize,
    onRow: (row) => sessionTotals.add(row),
  });
  const lineOf = (place: number): number => place + 1 + outline.metaLine;
  const places = SessionWindows.partPlaces(shape, first);
  const toPlace = SessionWindows.partPlaces(shape, end).own;
  const lines = {
    fromLine: first === 0 ? 1 : lineOf(places.from),
    ownLine: first === 0 ? 1 : lineOf(places.own),
    toLine: end === 0 ? 1 : lineOf(toPlace),
  };
  const rows = readTracePart(path, outline, lines, {
    maxBlocks: tableBlocks,
    ...(onProgress && { onProgress }),
  });
  if (first < end)
    for await (const batch of rows.batches())
      for (const [k, record] of batch.records.entries()) {
        const line = batch.lines[k];
        if (line >= lines.ownLine) totals.add(record, rows.blocks);
        windows.add(record, line - lineOf(0), waitOf(record), rows.blocks);
      }
  if (rows.nextRecordLine !== undefined) windows.closeBefore(toPlace);
  const goesOn = windows.window >= end;
  if (!goesOn) windows.finish();
  return {
    facts: rows.facts(),
    totals: totals.state(),
    sessions: sessionTotals.state(windows.named, windows.carried()),
    ...(windows.hasBegun &&
      first < end && {
        order: { before: windows.orderBefore, ...(goesOn && { after: windows.orderNow() }) },
      }),
  };
}
