import { rm, stat } from "node:fs/promises";
import { InputError, WorkError } from "../../base/index.js";
import { fileWriter, outputFile } from "../../output/index.js";
import { TraceWriter, type TraceWriterOptions, writeTrace } from "../../trace/files/index.js";
import type { Trace, TraceRecord } from "../../trace/index.js";

/** Where a measured run's trace goes. */
export interface RunFileOptions {
  readonly traceOut: string;
  /** Replaces a trace that is there, and what a killed run has left. Default false: it is refused. */
  readonly force?: boolean | undefined;
}

/** Records on disk while a run is under way, so that a killed run loses only what was in flight; then the trace itself. */
export interface Journal {
  append(record: TraceRecord): void;
  /**
   * Writes the trace, whole or not at all, and deletes the journal.
   * @throws WorkError when it cannot be written, saying what the journal holds
   */
  finish(trace: Trace): Promise<void>;
  /** After a failure: ends the journal, which stays. */
  close(): Promise<void>;
}

/** The journal of a trace: beside it, never compressed. */
export function journalPath(traceOut: string): string {
  return `${traceOut.replace(/\.gz$/, "")}.partial`;
}

/**
 * Makes sure, before a run begins, that its trace replaces nothing: a measurement cannot be had again.
 * @throws InputError when there is a file that holds something, or a journal that a killed run has left
 */
export async function requireFree({ traceOut, force }: RunFileOptions): Promise<void> {
  const { path, replaceable } = await outputFile(traceOut);
  if (!replaceable) return;
  const journal = journalPath(path);
  const writer = fileWriter(journal);
  if (writer !== undefined)
    throw new InputError(
      `${traceOut}: process ${writer} is recording into it (${journal}): give another path`,
    );
  if (force) return;
  if (await holdsSomething(path))
    throw new InputError(
      `${traceOut}: is there, and a run is recorded once: give another path, or --force to replace it`,
    );
  if (await holdsSomething(journal))
    throw new InputError(
      `${journal}: is what a run that was killed has recorded (inspect reads it): move it away, or --force to replace it`,
    );
}

/**
 * Opens the journal of the trace that will be written at the end.
 * @throws WorkError when it cannot be created
 */
export async function openJournal(traceOut: string, options: TraceWriterOptions): Promise<Journal> {
  const target = await outputFile(traceOut);
  // Beside a device or a pipe there is no place for one.
  if (!target.replaceable)
    return { append: () => {}, finish: (trace) => writeTrace(traceOut, trace), close: async () => {} };
  const path = journalPath(target.path);
  const writer = await TraceWriter.open(path, options);
  return {
    append: (record) => {
      // What becomes of it is told by `close`; as long as the trace itself can be written, nothing is lost.
      writer.append(record).catch(() => {});
    },
    finish: async (trace) => {
      try {
        await writeTrace(traceOut, trace);
      } catch (error) {
        const lost = await writer.close().then(
          () => undefined,
          (reason: Error) => reason.message,
        );
        throw new WorkError(
          `${(error as Error).message}: ${lost ?? `what the run has recorded is in ${path}, ${writer.written} of ${trace.records.length} records`}`,
        );
      }
      await writer.close().catch(() => {});
      await rm(path, { force: true });
    },
    close: () => writer.close(),
  };
}

async function holdsSomething(path: string): Promise<boolean> {
  return ((await stat(path).catch(() => undefined))?.size ?? 0) > 0;
}
