import { rmSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { InputError, type Ms, WorkError } from "../../base/index.js";
import { lockPath, outputFile } from "../../output/index.js";
import type { ExchangeSink, OpenedFile, RecordNotes, SinkListener, SinkOptions } from "./exchange-sink.js";
import { ReasonCounts } from "./reason-counts.js";
import type { FromThread, ToThread } from "./record-thread.js";

/** A thread that needs more than this, in MiB, ends, before it takes the process with it. */
const MOST_HEAP_MIB = 768;
/** How long the thread has to end its file. */
const CLOSING_MS: Ms = 20_000;
const script = new URL("./record-thread.js", import.meta.url);

/**
 * A sink that reads and writes in a thread of its own, so that parsing a long prompt or hashing it with a key delays no
 * traffic. A thread that dies is told, and another goes on with its file, once; traffic goes on in any case.
 * @param url what the thread runs
 */
export function threadSink(options: SinkOptions, listener: SinkListener, url: URL = script): ExchangeSink {
  return new ThreadSink(options, listener, url);
}

class ThreadSink implements ExchangeSink {
  readonly opened: Promise<OpenedFile>;
  readonly #options: SinkOptions;
  readonly #listener: SinkListener;
  readonly #url: URL;
  /** Given to the thread, and not yet settled. */
  readonly #handed = new Set<number>();
  /** Under way when their thread ended: they are lost, and counted. */
  readonly #dead = new Set<number>();
  readonly #lostReasons = new ReasonCounts();
  #thread: Worker | undefined;
  #restarts = 0;
  #firstOpened: OpenedFile | undefined;
  /** Of threads that have ended; what they had not told yet is found in the file. */
  #recordsOfEnded = 0;
  #lostOfEnded = 0;
  #notesOfEnded: RecordNotes[] = [];
  #records = 0;
  #lost = 0;
  #notes: RecordNotes = { unrecorded: {}, withoutHashes: {} };
  #closing = false;
  #onClosed: () => void = () => {};

  constructor(options: SinkOptions, listener: SinkListener, url: URL) {
    this.#options = options;
    this.#listener = listener;
    this.#url = url;
    this.opened = new Promise<OpenedFile>((resolve, reject) => {
      this.#start(options, resolve, reject);
    });
    this.opened.catch(() => {});
  }

  get recordCount(): number {
    return this.#recordsOfEnded + this.#records;
  }

  get lostCount(): number {
    return this.#lostOfEnded + this.#lost;
  }

  get notes(): RecordNotes {
    const all = [...this.#notesOfEnded, this.#notes];
    const unrecorded = new ReasonCounts();
    const withoutHashes = new ReasonCounts();
    for (const notes of all) {
      for (const [reason, count] of Object.entries(notes.unrecorded)) unrecorded.add(reason, count);
      for (const [reason, count] of Object.entries(notes.withoutHashes)) withoutHashes.add(reason, count);
    }
    for (const [reason, count] of Object.entries(this.#lostReasons.counts)) unrecorded.add(reason, count);
    return { unrecorded: unrecorded.counts, withoutHashes: withoutHashes.counts };
  }

  request(id: number, seen: Parameters<ExchangeSink["request"]>[1]): void {
    if (!this.#thread) return;
    this.#handed.add(id);
    this.#tell({ kind: "request", id, seen }, [seen.body.buffer]);
  }

  answer(id: number, seen: Parameters<ExchangeSink["answer"]>[1]): void {
    if (this.#wasCounted(id)) return;
    // Its first half came while there was no thread.
    if (!this.#handed.has(id)) {
      this.#lostOfEnded++;
      this.#listener.onSettled([id]);
      return;
    }
    this.#tell({ kind: "answer", id, seen }, [seen.body.buffer, seen.readEnds.buffer, seen.readAtMs.buffer]);
  }

  pass(id: number, reason: string): void {
    if (this.#wasCounted(id)) return;
    if (!this.#thread) {
      this.#lostReasons.add(reason);
      this.#listener.onSettled([id]);
      return;
    }
    this.#handed.add(id);
    this.#tell({ kind: "pass", id, reason });
  }

  async close(passed: Readonly<Record<string, number>>): Promise<void> {
    this.#closing = true;
    const thread = this.#thread;
    if (!thread) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => {
        this.#listener.onProblem(
          `tap: the recording thread does not end within ${CLOSING_MS / 1000} s: it is stopped`,
        );
        resolve();
      }, CLOSING_MS);
      this.#onClosed = () => {
        clearTimeout(late);
        resolve();
      };
      this.#tell({ kind: "close", passed: { ...this.#lostReasons.counts, ...passed } });
    });
    await thread.terminate();
    this.#lostOfEnded += this.#handed.size;
    this.#settle([...this.#handed]);
  }

  #tell(message: ToThread, handOver: ArrayBufferLike[] = []): void {
    this.#thread?.postMessage(message, handOver as ArrayBuffer[]);
  }

  #start(
    options: SinkOptions,
    onOpened: (file: OpenedFile) => void,
    onRefused: (error: Error) => void,
  ): void {
    const thread = new Worker(this.#url, {
      workerData: options,
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB },
    });
    this.#thread = thread;
    let reason = "it has ended";
    thread.on("message", (message: FromThread) => {
      if (message.kind === "progress") {
        this.#records = message.records;
        this.#lost = message.lost;
        this.#notes = message.notes;
        this.#settle(message.settled);
      } else if (message.kind === "problem") this.#listener.onProblem(message.message);
      else if (message.kind === "loss") this.#listener.onLoss?.(message.loss);
      else if (message.kind === "opened") {
        this.#firstOpened ??= message.file;
        onOpened(message.file);
      } else if (message.kind === "refused")
        onRefused(message.isInput ? new InputError(message.message) : new WorkError(message.message));
      else this.#onClosed();
    });
    thread.on("error", (error) => {
      reason = error.message;
    });
    thread.on("exit", () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      if (!this.#closing) void this.#died(reason, onRefused);
      this.#onClosed();
    });
  }

  /** The thread is gone with what it had been given. Another one goes on with the file, once. */
  async #died(reason: string, onRefused: (error: Error) => void): Promise<void> {
    const { onProblem } = this.#listener;
    const opened = this.#firstOpened;
    if (!opened) {
      onRefused(new WorkError(`tap: the recording thread does not start: ${reason}`));
      return;
    }
    const told = this.#records;
    this.#lostOfEnded += this.#lost + this.#handed.size;
    this.#recordsOfEnded += told;
    this.#notesOfEnded.push(this.#notes);
    this.#records = 0;
    this.#lost = 0;
    this.#notes = { unrecorded: {}, withoutHashes: {} };
    for (const id of this.#handed) this.#dead.add(id);
    this.#settle([...this.#handed]);
    if (++this.#restarts > 1) {
      onProblem(`tap: recording has stopped for good: ${reason}; traffic goes on unrecorded`);
      return;
    }
    onProblem(`tap: recording has stopped: ${reason}; traffic goes on, another thread is tried`);
    const { traceOut } = this.#options;
    const target = await outputFile(traceOut);
    // Its lock names this process, which cannot be told to have ended.
    if (target.replaceable) rmSync(lockPath(target.path), { force: true });
    if (this.#closing) return;
    this.#start(
      { ...this.#options, isForced: false, offsetMs: opened.offsetMs },
      (file) => {
        // Records that the dead thread had written and not told of are not lost.
        const untold = file.recordsBefore - opened.recordsBefore - this.#recordsOfEnded;
        this.#recordsOfEnded += untold;
        this.#lostOfEnded = Math.max(0, this.#lostOfEnded - untold);
        onProblem(`tap: recording goes on; ${this.#lostOfEnded} records are lost`);
      },
      (error) => onProblem(`${error.message}: traffic goes on unrecorded`),
    );
  }

  #wasCounted(id: number): boolean {
    if (!this.#dead.delete(id)) return false;
    this.#listener.onSettled([id]);
    return true;
  }

  #settle(ids: readonly number[]): void {
    for (const id of ids) this.#handed.delete(id);
    this.#listener.onSettled(ids);
  }
}
