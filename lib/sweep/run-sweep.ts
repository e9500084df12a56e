import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { InputError } from "../base/index.js";
import type { LatencyModel } from "../latency/index.js";
import { packWorkload } from "../replay/index.js";
import { workloadOf } from "../sessions/index.js";
import { readTrace } from "../trace/files/index.js";
import type { Trace } from "../trace/index.js";
import { cellConfidence, inPlanOrder } from "./cell-workloads.js";
import type { SweepRow } from "./run-cell.js";
import type { SweepCell } from "./sweep-cell.js";
import { SweepStore } from "./sweep-store.js";
import { type SharedWorkload, SweepThreads } from "./sweep-threads.js";

export interface SweepOptions {
  readonly tracePath: string;
  /** What the file at `tracePath` holds, where it has been read. Default: it is read. */
  readonly trace?: Trace;
  readonly model: LatencyModel;
  readonly cells: readonly SweepCell[];
  readonly outDir: string;
  /** Run only the cells k with k mod count = index. Default: all. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Worker threads. Default: one a core. */
  readonly workers?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface SweepResult {
  /** Cells run here, cells that were already there, and cells that other shards still owe. */
  readonly ran: number;
  readonly found: number;
  readonly missing: number;
  /** Files of earlier results, of any shard, that could not be read: their cells count as missing. */
  readonly damaged: readonly string[];
  /** All rows in order, once no cell is missing. */
  readonly rows?: readonly SweepRow[];
}

/**
 * Runs what-ifs on worker threads. Each finished cell is on disk at once, so that an interrupted sweep loses the cells
 * in flight and a rerun goes on; shards may run anywhere that shares the folder, or have their folders put together. The
 * trace is read once, and threads share it; cells that share a plan are run one after another, and share it too.
 * @throws InputError when there are no cells, or the folder holds another sweep
 */
export async function runSweep(options: SweepOptions): Promise<SweepResult> {
  const { tracePath, model, cells, outDir, shard = { index: 0, count: 1 } } = options;
  if (cells.length === 0)
    throw new InputError("sweep: no cells to run: give --vary name=v1,v2,... or --cells FILE");
  const modelJson = model.toJson();
  const store = await SweepStore.open(outDir, cells, await inputsDigest(tracePath, modelJson));
  const damaged = await store.damaged();
  const todo = await store.missing(shard.index, shard.count);
  const mine = cells.filter((_, k) => k % shard.count === shard.index).length;
  if (todo.length > 0) {
    const workers = Math.max(1, Math.min(options.workers ?? availableParallelism(), todo.length));
    const order = inPlanOrder(cells, todo);
    const threads = new SweepThreads(workers, modelJson, cells, order);
    try {
      const trace = options.trace ?? (await readTrace(tracePath));
      let done = 0;
      await threads.run(sharedWorkloads(trace, cells, order), async (index, row) => {
        await store.save(index, row);
        options.onProgress?.(++done, todo.length);
      });
    } finally {
      await threads.stop();
    }
  }
  const missing = (await store.missing()).length;
  const rows = missing === 0 ? await store.merge() : undefined;
  return { ran: todo.length, found: mine - todo.length, missing, damaged, ...(rows && { rows }) };
}

/** The trace with its sessions, once for each confidence that cells ask of them. */
function sharedWorkloads(
  trace: Trace,
  cells: readonly SweepCell[],
  indices: readonly number[],
): SharedWorkload[] {
  const asked = new Set(indices.map((index) => cellConfidence(cells[index])));
  return [...asked].map((minConfidence) => {
    const workload = workloadOf(trace, minConfidence === undefined ? {} : { minConfidence });
    return { minConfidence, bytes: packWorkload(workload, (size) => new SharedArrayBuffer(size)) };
  });
}

async function inputsDigest(tracePath: string, modelJson: unknown): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(modelJson));
  await pipeline(createReadStream(tracePath), hash);
  return hash.digest("hex");
}
