import type { MessagePort } from "node:worker_threads";
import type { TraceOutline } from "../trace/files/index.js";
import type { WindowShape } from "./session-windows.js";
import { type PartWindows, summarizePart, type TracePart } from "./trace-part.js";

/** A part that a thread reads, and where it tells how far it is. */
export interface PartTask {
  readonly path: string;
  readonly outline: TraceOutline;
  readonly shape: WindowShape;
  readonly windows: PartWindows;
  readonly progress: MessagePort;
}

/** {@link summarizePart} in a thread of its own. */
export default async function summarizePartInWorker(task: PartTask): Promise<TracePart> {
  const { path, outline, shape, windows, progress } = task;
  try {
    return await summarizePart(path, outline, shape, windows, (made) => progress.postMessage(made));
  } finally {
    progress.close();
  }
}
