import { type Ms, WorkError } from "../../base/index.js";
import { cannotWrite, FileLock, outputFile } from "../../output/index.js";
import { BlockTable } from "../block-table.js";
import { metaToLine } from "../meta-line.js";
import type { TraceMeta, TraceRecord } from "../trace.js";
import { type ContinuedTrace, continuedTrace } from "./continued-trace.js";
import { endToLine } from "./end-line.js";
import { GrowingFile } from "./growing-file.js";
import { recordToLine } from "./record-text.js";

/** What a writer needs beside the path. */
export interface TraceWriterOptions {
  /** Written as the first line, when given. */
  readonly meta?: TraceMeta;
  /** The table behind the records' block ids. Default: an empty one, for records without. */
  readonly blocks?: BlockTable;
  /** Characters of lines that wait in memory while the disk takes none; what comes on top is lost. Default 64 MiB. */
  readonly maxWaitingChars?: number;
  /** After a write that failed, how long appends only wait before one tries again. Default 250. */
  readonly retryAfterMs?: Ms;
}

/** What a writer needs that continues a file. */
export interface ResumeOptions extends TraceWriterOptions {
  /** Wire names of fields of the meta line that may differ, such as the time at which a recording began. */
  readonly mayDiffer?: readonly string[];
}

/**
 * Records that a writer took and the disk did not.
 * @example
 * ```ts
 * import { TraceWriter, UnwrittenRecordsError } from "prefixlab/trace/files";
 * const writer = await TraceWriter.open("/dev/full");
 * void writer.append({ promptTokens: 100, outputTokens: 24 });
 * const error = await writer.close().catch((failure) => failure);
 * error instanceof UnwrittenRecordsError && [error.written, error.lost]; // → [0, 1]
 * ```
 */
export class UnwrittenRecordsError extends WorkError {
  constructor(
    path: string,
    /** Records in the file, and how many more there should be. */
    readonly written: number,
    readonly lost: number,
    reason: string,
  ) {
    super(
      `${path}: ${lost} of ${written + lost} records could not be written (${reason}): ` +
        `the file holds the other ${written}`,
    );
  }
}

interface Line {
  readonly text: string;
  readonly records: 0 | 1;
}

/** Lines that share a write, and the promise that all of their appends return. */
interface Batch {
  readonly lines: Line[];
  readonly written: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const writeChars = 1 << 20;

/**
 * Writes a trace record by record. When the promise of {@link TraceWriter.append} resolves, the record is with the
 * operating system, decompressible if the path ends in `.gz`: a process that is killed loses only unfinished rows.
 * Records appended while a write is under way go out together in the next one, in order. {@link TraceWriter.close} ends the
 * file with a line that says how many records it holds, by which a reader knows that none is missing.
 *
 * When the disk refuses (it is full, or fails), the file stays whole up to the last record that it took. The others wait
 * in memory, up to a limit, and are tried again with later appends and when the writer is closed.
 *
 * While it is open, `FILE.lock` keeps other writers away.
 * @example
 * ```ts
 * import { readTrace, TraceWriter } from "prefixlab/trace/files";
 * const writer = await TraceWriter.open("mine.jsonl", { meta: { model: "small", extra: {} } });
 * await writer.append({ promptTokens: 100, outputTokens: 24, arrivalMs: 0, ttftMs: 36 });
 * await writer.close();
 * (await readTrace("mine.jsonl")).records.length; // → 1
 * ```
 */
export class TraceWriter {
  /** What was in the file before; undefined when it was begun. */
  readonly continued: ContinuedTrace | undefined;
  readonly #path: string;
  readonly #file: GrowingFile;
  readonly #lock: FileLock | undefined;
  readonly #blocks: BlockTable;
  readonly #maxWaitingChars: number;
  readonly #retryAfterMs: Ms;
  /** Lines that the disk refused, in order. */
  #refused: Line[] = [];
  #next: Batch | undefined;
  #writing: Promise<void> | undefined;
  #waitingChars = 0;
  #waiting = 0;
  #written = 0;
  #lost = 0;
  #failure: WorkError | undefined;
  #retryAtMs = 0;
  #closing: Promise<void> | undefined;

  private constructor(
    path: string,
    file: GrowingFile,
    lock: FileLock | undefined,
    options: TraceWriterOptions,
    continued?: ContinuedTrace,
  ) {
    this.#path = path;
    this.#file = file;
    this.#lock = lock;
    this.#blocks = options.blocks ?? new BlockTable();
    this.#maxWaitingChars = options.maxWaitingChars ?? 1 << 26;
    this.#retryAfterMs = options.retryAfterMs ?? 250;
    this.continued = continued;
  }

  /**
   * Creates or replaces the file; a path ending in `.gz` is compressed.
   * @throws WorkError when the file cannot be created, or another writer has it
   */
  static open(path: string, options: TraceWriterOptions = {}): Promise<TraceWriter> {
    return TraceWriter.#open(path, options, async () => undefined);
  }

  /**
   * Opens a trace to go on with it, or creates the file where there is none. A last line that was cut goes; a gzip file that
   * was cut is written anew from what can be decompressed.
   * @throws InputError when the file is no trace, or one of another kind: its meta line and `options.meta` must say the
   * same, but for `mayDiffer`
   * @throws WorkError when it cannot be written, or another writer has it
   * @example
   * ```ts
   * import { readTrace, TraceWriter } from "prefixlab/trace/files";
   * for (const arrivalMs of [0, 500]) {
   *   const writer = await TraceWriter.resume("two-days.jsonl", { meta: { model: "small", extra: {} } });
   *   await writer.append({ promptTokens: 100, outputTokens: 24, arrivalMs, ttftMs: 36 });
   *   await writer.close();
   * }
   * (await readTrace("two-days.jsonl")).records.length; // → 2
   * ```
   */
  static resume(path: string, options: ResumeOptions = {}): Promise<TraceWriter> {
    return TraceWriter.#open(path, options, (target) =>
      continuedTrace(path, target, options.meta, options.mayDiffer ?? []),
    );
  }

  static async #open(
    path: string,
    options: TraceWriterOptions,
    look: (target: string) => Promise<ContinuedTrace | undefined>,
  ): Promise<TraceWriter> {
    const target = await outputFile(path);
    const lock = target.replaceable ? FileLock.take(target.path) : undefined;
    try {
      const continued = target.replaceable ? await look(target.path) : undefined;
      const file = await GrowingFile.open(target.path, path.endsWith(".gz"), continued?.bytes ?? 0);
      const writer = new TraceWriter(path, file, lock, options, continued);
      // When the disk refuses it, it waits like the records behind it.
      if (options.meta && !continued)
        await writer.#append({ text: metaToLine(options.meta), records: 0 }).catch(() => {});
      return writer;
    } catch (error) {
      lock?.release();
      return cannotWrite(path, error);
    }
  }

  /** Records in the file, with those that were there before. */
  get written(): number {
    return (this.continued?.rows ?? 0) + this.#written;
  }

  /** Records that are in memory only: on their way, or refused by the disk so far. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Records that were given up: more waited than memory is granted for. */
  get lost(): number {
    return this.#lost;
  }

  /** Why the last write did not succeed; undefined when it did. */
  get failure(): WorkError | undefined {
    return this.#failure;
  }

  /**
   * Adds one record. A promise that rejects need not be awaited: what becomes of the record is counted here, and
   * {@link TraceWriter.close} tells it.
   * @throws WorkError when the writer is closed, or the record is not in the file yet: then it waits and is tried again, or
   * is lost if too many wait
   */
  append(record: TraceRecord): Promise<void> {
    return this.#append({ text: recordToLine(record, this.#blocks), records: 1 });
  }

  /**
   * Tries once more to write what waits, says how many records the file holds, and closes it.
   * @throws UnwrittenRecordsError when records are lost
   * @throws WorkError when all are in the file but its end could not be written
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #append(line: Line): Promise<void> {
    if (this.#closing) return rejected(new WorkError(`${this.#path}: the writer is closed`));
    if (this.#waitingChars > 0 && this.#waitingChars + line.text.length > this.#maxWaitingChars) {
      this.#lost += line.records;
      const why = this.#failure?.message ?? `${this.#path}: the disk is slower than the records come`;
      return rejected(new WorkError(`${why}: a record is lost, ${this.#waiting} wait`));
    }
    this.#waitingChars += line.text.length;
    this.#waiting += line.records;
    if (this.#failure && performance.now() < this.#retryAtMs) {
      this.#refused.push(line);
      return rejected(this.#failure);
    }
    this.#next ??= newBatch();
    this.#next.lines.push(line);
    const { written } = this.#next;
    this.#writing ??= this.#drain();
    return written;
  }

  /** Writes what waits, the refused lines first. Never throws: a failure is in `failure` and in the batches' promises. */
  async #drain(): Promise<void> {
    // Waits a turn, so that records appended in one go share a write.
    await Promise.resolve();
    try {
      while (this.#refused.length > 0) {
        const lines = upTo(this.#refused, writeChars);
        await this.#put(lines);
        this.#refused.splice(0, lines.length);
      }
      for (let batch = this.#next; batch; batch = this.#next) {
        this.#next = undefined;
        for (let at = 0; at < batch.lines.length; ) {
          const lines = upTo(batch.lines, writeChars, at);
          try {
            await this.#put(lines);
          } catch (error) {
            this.#refused = [...batch.lines.slice(at), ...this.#refused];
            batch.reject(error as WorkError);
            throw error;
          }
          at += lines.length;
        }
        batch.resolve();
      }
    } catch (error) {
      const after = this.#next;
      this.#next = undefined;
      if (after) {
        for (const line of after.lines) this.#refused.push(line);
        after.reject(error as WorkError);
      }
    } finally {
      this.#writing = undefined;
    }
  }

  async #put(lines: readonly Line[]): Promise<void> {
    try {
      await this.#file.add(lines.map(({ text }) => `${text}\n`).join(""));
    } catch (error) {
      this.#failure = unwritable(this.#path, error);
      this.#retryAtMs = performance.now() + this.#retryAfterMs;
      throw this.#failure;
    }
    this.#failure = undefined;
    for (const { text, records } of lines) {
      this.#waitingChars -= text.length;
      this.#waiting -= records;
      this.#written += records;
    }
  }

  async #close(): Promise<void> {
    // Lets go of the turn first, so that `append` knows of it.
    await Promise.resolve();
    try {
      await this.#writing;
      if (this.#refused.length > 0) await this.#drain();
      this.#lost += this.#waiting;
      this.#waiting = 0;
      await this.#end().catch((error) => {
        this.#failure = unwritable(this.#path, error);
      });
    } finally {
      await this.#file.close().catch(() => {});
      this.#lock?.release();
    }
    if (this.#lost > 0)
      throw new UnwrittenRecordsError(this.#path, this.written, this.#lost, reasonOf(this.#failure));
    if (this.#failure) throw this.#failure;
  }

  async #end(): Promise<void> {
    await this.#file.add(`${endToLine({ records: this.written, lost: this.#lost })}\n`);
    await this.#file.finish();
  }
}

function newBatch(): Batch {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const written = new Promise<void>((onWritten, onRefused) => {
    resolve = onWritten;
    reject = onRefused;
  });
  written.catch(() => {});
  return { lines: [], written, resolve, reject };
}

/** A rejection that nobody has to handle. */
function rejected(error: Error): Promise<void> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

/** The lines from `from` on that make up a write: one at least. */
function upTo(lines: readonly Line[], chars: number, from = 0): Line[] {
  let to = from;
  for (let left = chars; to < lines.length && left > 0; to++) left -= lines[to].text.length;
  return lines.slice(from, to);
}

function unwritable(path: string, error: unknown): WorkError {
  if (error instanceof WorkError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new WorkError(`${path}: cannot be written (${code ?? message})`);
}

function reasonOf(failure: WorkError | undefined): string {
  return /\(([^()]*)\)$/.exec(failure?.message ?? "")?.[1] ?? "more waited than memory is granted for";
}
