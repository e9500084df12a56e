import { type FileHandle, open } from "node:fs/promises";
import { constants, createGzip, type Gzip } from "node:zlib";
import { WorkError } from "../../base/index.js";
import { BlockTable } from "../block-table.js";
import { metaToLine } from "../meta-line.js";
import type { Trace, TraceMeta, TraceRecord } from "../trace.js";
import { recordToLine } from "./record-text.js";

/** What a writer needs beside the path. */
export interface TraceWriterOptions {
  /** Written as the first line, when given. */
  readonly meta?: TraceMeta;
  /** The table behind the records' block ids. Default: an empty one, for records without. */
  readonly blocks?: BlockTable;
}

const batchChars = 1 << 20;

/**
 * Writes a trace record by record. When the promise of {@link TraceWriter.append} resolves, the record is with the
 * operating system, decompressible if the path ends in `.gz`: a process that is killed loses only unfinished rows.
 * Records appended while a write is under way go out together in the next one, in order.
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
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #gzip: Gzip | undefined;
  readonly #blocks: BlockTable;
  #compressed: Buffer[] = [];
  #pending: string[] = [];
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;

  private constructor(path: string, file: FileHandle, blocks: BlockTable) {
    this.#path = path;
    this.#file = file;
    this.#blocks = blocks;
    if (path.endsWith(".gz")) {
      this.#gzip = createGzip();
      this.#gzip.on("data", (chunk: Buffer) => this.#compressed.push(chunk));
    }
  }

  /**
   * Creates or replaces the file; a path ending in `.gz` is compressed.
   * @throws WorkError when the file cannot be created
   */
  static async open(path: string, options: TraceWriterOptions = {}): Promise<TraceWriter> {
    const file = await open(path, "w").catch((error: NodeJS.ErrnoException) => {
      throw new WorkError(`${path}: cannot be written (${error.code ?? error.message})`);
    });
    const writer = new TraceWriter(path, file, options.blocks ?? new BlockTable());
    if (options.meta) await writer.#write(metaToLine(options.meta));
    return writer;
  }

  /**
   * Adds one record.
   * @throws WorkError when the writer is closed or the disk refuses the bytes
   */
  append(record: TraceRecord): Promise<void> {
    return this.#write(recordToLine(record, this.#blocks));
  }

  /** Writes what is pending, ends a gzip stream properly, and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#writing;
      const gzip = this.#gzip;
      if (gzip) {
        await new Promise<void>((resolve, reject) => {
          gzip.once("end", resolve);
          gzip.once("error", reject);
          gzip.end();
        });
        await this.#file.appendFile(Buffer.concat(this.#compressed));
      }
    } finally {
      await this.#file.close();
    }
  }

  #write(line: string): Promise<void> {
    if (this.#closed) return Promise.reject(new WorkError(`${this.#path}: the writer is closed`));
    if (this.#failure) return Promise.reject(this.#failure);
    this.#pending.push(line);
    this.#writing ??= this.#drain();
    return this.#writing;
  }

  async #drain(): Promise<void> {
    try {
      // Waits a turn, so that records appended in one go share a write.
      await Promise.resolve();
      while (this.#pending.length > 0) {
        const text = `${this.#pending.join("\n")}\n`;
        this.#pending = [];
        await this.#file.appendFile(this.#gzip ? await this.#compress(this.#gzip, text) : text);
      }
    } catch (error) {
      this.#failure = new WorkError(`${this.#path}: cannot be written (${(error as Error).message})`);
      throw this.#failure;
    } finally {
      this.#writing = undefined;
    }
  }

  async #compress(gzip: Gzip, text: string): Promise<Buffer> {
    gzip.write(text);
    await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
    const bytes = Buffer.concat(this.#compressed);
    this.#compressed = [];
    return bytes;
  }
}

/**
 * Writes a whole trace in the tap schema; a path ending in `.gz` is compressed.
 * @throws WorkError when the file cannot be written
 * @example
 * ```ts
 * import { readCapture, readTrace, writeTrace } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * await writeTrace("first-turns.jsonl.gz", { ...trace, records: trace.records.filter(({ turn }) => turn === 1) });
 * (await readTrace("first-turns.jsonl.gz")).records.length; // → 64
 * ```
 */
export async function writeTrace(path: string, trace: Trace): Promise<void> {
  const writer = await TraceWriter.open(path, { meta: trace.meta, blocks: trace.blocks });
  try {
    let waiting: Promise<void> | undefined;
    let chars = 0;
    for (const record of trace.records) {
      waiting = writer.append(record);
      chars += estimatedChars(record);
      if (chars < batchChars) continue;
      await waiting;
      chars = 0;
    }
    await waiting;
  } finally {
    await writer.close();
  }
}

function estimatedChars(record: TraceRecord): number {
  return (
    200 +
    20 * ((record.itlMs?.length ?? 0) + (record.blockIds?.length ?? 0) + (record.outputTokenIds?.length ?? 0))
  );
}
