import { rm } from "node:fs/promises";
import { TraceWriter, type TraceWriterOptions } from "../../trace/files/index.js";
import type { TraceRecord } from "../../trace/index.js";

/** Records on disk while a run is under way, so that a killed run loses only what was in flight. */
export interface Journal {
  append(record: TraceRecord): void;
  /** @throws WorkError when a record could not be written */
  close(): Promise<void>;
  /** Deletes the file, once the trace itself is written. */
  remove(): Promise<void>;
}

/**
 * Opens `FILE.partial` beside the trace that will be written at the end.
 * @throws WorkError when it cannot be created
 */
export async function openJournal(traceOut: string, options: TraceWriterOptions): Promise<Journal> {
  const path = `${traceOut.replace(/\.gz$/, "")}.partial`;
  const writer = await TraceWriter.open(path, options);
  let failure: unknown;
  return {
    append: (record) => {
      writer.append(record).catch((error: unknown) => {
        failure ??= error;
      });
    },
    close: async () => {
      await writer.close();
      if (failure) throw failure;
    },
    remove: () => rm(path, { force: true }),
  };
}
