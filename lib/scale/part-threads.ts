import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ThreadRefusal, threadReplies } from "../output/index.js";
import type { ReadProgress, TraceOutline } from "../trace/files/index.js";
import type { WindowShape } from "./session-windows.js";
import type { PartWindows, TracePart } from "./trace-part.js";

/** Parts of a trace that are to be summarized. */
export interface Parts {
  readonly path: string;
  readonly outline: TraceOutline;
  readonly shape: WindowShape;
  readonly windows: readonly PartWindows[];
}

/** What a thread is started with: `taken` counts the parts that some thread has taken. */
export interface SharedParts extends Parts {
  readonly taken: Int32Array;
}

/** What a thread says of a part: how far it is, or what it is. */
export type PartNews =
  | { readonly part: number; readonly progress: ReadProgress }
  | { readonly part: number; readonly done: TracePart };

/** What a thread says, or why it goes no further. */
export type PartReply = PartNews | ThreadRefusal;

/**
 * Parts of a trace, each summarized by one of so many threads.
 * @throws InputError as `summarizePart` does, WorkError when a thread ends before its work does
 */
export async function summarizeInThreads(
  parts: Parts,
  threads: number,
  onProgress?: (progress: ReadProgress) => void,
): Promise<TracePart[]> {
  const workerData: SharedParts = { ...parts, taken: new Int32Array(new SharedArrayBuffer(4)) };
  const file = fileURLToPath(new URL("./part-worker.js", import.meta.url));
  // Rows live for a batch, or for a window: with room for several batches, the collector seldom copies one.
  const resourceLimits = { maxYoungGenerationSizeMb: 96 };
  const workers = Array.from({ length: threads }, () => new Worker(file, { workerData, resourceLimits }));
  const done: TracePart[] = [];
  const made: ReadProgress[] = [];
  try {
    await threadReplies("summarizeTraceFile: a thread", workers, (reply: PartNews) => {
      if ("done" in reply) done[reply.part] = reply.done;
      else {
        made[reply.part] = reply.progress;
        onProgress?.(summed(made));
      }
    });
    return done;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function summed(made: readonly ReadProgress[]): ReadProgress {
  const told = made.filter((progress) => progress !== undefined);
  return {
    bytesRead: told.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    totalBytes: told[0].totalBytes,
    records: told.reduce((sum, { records }) => sum + records, 0),
  };
}
