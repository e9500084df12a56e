import { availableParallelism } from "node:os";
import { requireInteger } from "../base/index.js";
import { outlineTrace, type ReadProgress, type TraceOutline } from "../trace/files/index.js";
import { mergeParts, type TraceFileSummary } from "./merge-parts.js";
import { summarizeInThreads } from "./part-threads.js";
import type { WindowShape } from "./session-windows.js";
import { type PartWindows, partWindows, summarizePart, type TracePart } from "./trace-part.js";
import { requestWindow } from "./windowed-sessions.js";

/** How to summarize a file. */
export interface SummarizeOptions {
  /** As in `windowedSessions`: requests in memory at a time. */
  readonly windowRequests?: number;
  /**
   * Parts that the file is read in, each with a window of its own; the summary is the same. Default 2 where the file has more
   * than 256 MB and is not compressed, and there are as many cores; else 1.
   */
  readonly parts?: number;
  /** Parts read at a time, each by a thread. Default: all, up to one a core. */
  readonly threads?: number;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** From so many bytes on a second thread pays. */
const largeBytes = 1 << 28;

/**
 * Reads a trace once, in memory that does not grow with its length (but for 9 bytes a request or session, and the names of
 * recorded sessions), and tells what is in it: counts, ranges, sharing, sessions, and the survival curves of TTFT by turn
 * cohort.
 * @throws InputError as `readTraceRows` does, and where the file is read in parts as `mergeParts` does
 */
export async function summarizeTraceFile(
  path: string,
  options: SummarizeOptions = {},
): Promise<TraceFileSummary> {
  const shape = requestWindow("summarizeTraceFile", options.windowRequests);
  const outline = await outlineTrace(path);
  const count = requireInteger("summarizeTraceFile", "parts", options.parts ?? defaultParts(outline), 1);
  const most = Math.min(count, availableParallelism());
  const threads = requireInteger("summarizeTraceFile", "threads", options.threads ?? most, 1);
  const windows = partWindows(outline, shape, count);
  const parts =
    threads === 1
      ? await oneByOne(path, outline, shape, windows, options.onProgress)
      : await summarizeInThreads({ path, outline, shape, windows }, threads, options.onProgress);
  return mergeParts(path, outline.meta, parts);
}

/** A compressed file is decompressed by another thread anyway, and each part would have to do it from the begin on. */
function defaultParts({ contentBytes, isSeekable }: TraceOutline): number {
  return isSeekable && contentBytes > largeBytes ? Math.min(2, availableParallelism()) : 1;
}

async function oneByOne(
  path: string,
  outline: TraceOutline,
  shape: WindowShape,
  windows: readonly PartWindows[],
  onProgress?: (progress: ReadProgress) => void,
): Promise<TracePart[]> {
  const parts: TracePart[] = [];
  for (const part of windows) parts.push(await summarizePart(path, outline, shape, part, onProgress));
  return parts;
}
