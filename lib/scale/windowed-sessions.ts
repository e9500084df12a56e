import { requireInteger } from "../base/index.js";
import type { TraceRows } from "../trace/files/index.js";
import type { BlockTable, TraceRecord } from "../trace/index.js";
import { type LabelledRow, SessionWindows, windowShape } from "./session-windows.js";

/** How to label a stream. */
export interface WindowOptions<T> {
  /**
   * Requests in memory at a time. Default 400,000. A turn finds its parent among the quarter of them before it at least;
   * a session that pauses for longer starts anew. More costs memory and finds longer pauses.
   */
  readonly windowRequests?: number;
  /** What to keep of a record until its label is known; memory is bounded by a window of these. */
  readonly keep: (record: TraceRecord, blocks: BlockTable) => T;
}

/** The shape of windows of `windowRequests`, which by default is 400,000. */
export function requestWindow(where: string, windowRequests = 400_000) {
  return windowShape(requireInteger(where, "windowRequests", windowRequests, 8));
}

/**
 * Sessions of a trace of any length, in one pass and bounded memory: see `SessionWindows`.
 *
 * The labels are those of `sessionsOf` on the whole trace when no session pauses for more than a quarter of a window,
 * and trunks show in every window. The stream should be in order of arrival; rows less than a quarter of a window out of
 * order are put in order. The names of recorded sessions are all kept: memory grows with them.
 */
export async function* windowedSessions<T>(
  rows: TraceRows,
  options: WindowOptions<T>,
): AsyncGenerator<LabelledRow<T>> {
  let decided: LabelledRow<T>[] = [];
  const windows = new SessionWindows<T>({
    shape: requestWindow("windowedSessions", options.windowRequests),
    blockSize: () => rows.meta.blockSize,
    onRow: (row) => decided.push(row),
  });
  let place = 0;
  for await (const record of rows) {
    windows.add(record, place++, options.keep(record, rows.blocks), rows.blocks);
    if (decided.length === 0) continue;
    yield* decided;
    decided = [];
  }
  windows.finish();
  yield* decided;
}
