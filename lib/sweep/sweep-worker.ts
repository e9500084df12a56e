import { workerData } from "piscina";
import { type LatencyModel, latencyModelFromJson } from "../latency/index.js";
import { type Workload, workloadOf } from "../sessions/index.js";
import { readTrace } from "../trace/files/index.js";
import { runCell, type SweepRow } from "./run-cell.js";
import type { SweepCell } from "./sweep-cell.js";

/** What a worker is started with. */
export interface SweepWorkerData {
  readonly tracePath: string;
  readonly modelJson: unknown;
}

const { tracePath, modelJson } = workerData as SweepWorkerData;
let inputs: Promise<{ workload: Workload; model: LatencyModel }> | undefined;

/** Runs one cell; the trace is read once a worker. */
export default async function runCellInWorker(cell: SweepCell): Promise<SweepRow> {
  inputs ??= readTrace(tracePath).then((trace) => ({
    workload: workloadOf(trace),
    model: latencyModelFromJson(modelJson),
  }));
  const { workload, model } = await inputs;
  return runCell(workload, model, cell);
}
