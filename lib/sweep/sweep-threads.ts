import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ThreadRefusal, threadReplies } from "../output/index.js";
import type { SweepRow } from "./run-cell.js";
import type { SweepCell } from "./sweep-cell.js";

/** What a thread is started with. */
export interface SweepWorkerData {
  readonly modelJson: unknown;
  readonly cells: readonly SweepCell[];
  /** Indices of the cells to run, in the order in which they are taken. */
  readonly order: Int32Array;
  /** How many have been taken, by all threads. */
  readonly taken: Int32Array;
}

/** A packed workload in memory that all threads read. */
export interface SharedWorkload {
  /** Of its inferred edges; undefined: the usual. */
  readonly minConfidence: number | undefined;
  readonly bytes: Uint8Array;
}

/** What came of a cell. */
export interface CellResult {
  readonly index: number;
  readonly row: SweepRow;
}

/** What a thread says of a cell, or why it goes no further. */
export type CellReply = CellResult | ThreadRefusal;

/** Threads that run the cells of one sweep. They load while the trace is read. */
export class SweepThreads {
  readonly #workers: readonly Worker[];

  /**
   * Starts them. They are to be stopped, whatever happens.
   * @param order indices of the cells to run
   */
  constructor(count: number, modelJson: unknown, cells: readonly SweepCell[], order: readonly number[]) {
    const workerData: SweepWorkerData = {
      modelJson,
      cells,
      order: Int32Array.from(order),
      taken: new Int32Array(new SharedArrayBuffer(4)),
    };
    // Put in one file by the build: opening a file a module takes longer than the first cells.
    const file = fileURLToPath(new URL("../bundle/sweep-worker.js", import.meta.url));
    this.#workers = Array.from(
      { length: count },
      // A cell's traces are short-lived: with room for them, the collector seldom copies, and leaves the cores to work.
      () => new Worker(file, { workerData, resourceLimits: { maxYoungGenerationSizeMb: 96 } }),
    );
  }

  /**
   * Hands out the workloads, and calls back with each row as it comes. Ends when all rows have been taken.
   * @throws InputError for a cell that cannot be replayed, WorkError when a thread ends before its work does; what `onRow` throws
   */
  async run(
    workloads: readonly SharedWorkload[],
    onRow: (index: number, row: SweepRow) => Promise<void>,
  ): Promise<void> {
    const ended = threadReplies("sweep: a worker thread", this.#workers, ({ index, row }: CellResult) =>
      onRow(index, row),
    );
    for (const worker of this.#workers) worker.postMessage(workloads);
    await ended;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
