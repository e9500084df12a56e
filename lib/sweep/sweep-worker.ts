import { parentPort, workerData } from "node:worker_threads";
import { InputError } from "../base/index.js";
import { latencyModelFromJson } from "../latency/index.js";
import { unpackWorkload } from "../replay/index.js";
import { CellWorkloads } from "./cell-workloads.js";
import { runCellOf } from "./run-cell.js";
import type { CellReply, SharedWorkload, SweepWorkerData } from "./sweep-threads.js";

const { modelJson, cells, order, taken } = workerData as SweepWorkerData;

/** Runs cells until none is left: each thread takes the next one that no other has. */
parentPort?.once("message", (shared: readonly SharedWorkload[]) => {
  const post = (reply: CellReply) => parentPort?.postMessage(reply);
  try {
    const model = latencyModelFromJson(modelJson);
    const workloads = new CellWorkloads((minConfidence) => {
      const of = shared.find((one) => one.minConfidence === minConfidence) as SharedWorkload;
      return unpackWorkload(of.bytes);
    });
    for (let place = Atomics.add(taken, 0, 1); place < order.length; place = Atomics.add(taken, 0, 1)) {
      const index = order[place];
      post({ index, row: runCellOf(workloads, model, cells[index]) });
    }
  } catch (error) {
    // An error loses its class on its way between threads.
    if (!(error instanceof InputError)) throw error;
    post({ refusal: error.message });
  }
});
