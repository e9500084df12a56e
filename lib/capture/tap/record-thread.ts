import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { InputError } from "../../base/index.js";
import type { OpenedFile, RecordNotes, SeenAnswer, SeenRequest, SinkOptions } from "./exchange-sink.js";
import type { TimedLoss } from "./loss-teller.js";
import { Recorder } from "./recorder.js";

/** What the tap tells the recording thread. */
export type ToThread =
  | { readonly kind: "request"; readonly id: number; readonly seen: SeenRequest }
  | { readonly kind: "answer"; readonly id: number; readonly seen: SeenAnswer }
  | { readonly kind: "pass"; readonly id: number; readonly reason: string }
  | { readonly kind: "close"; readonly passed: Readonly<Record<string, number>> };

/** What the recording thread tells the tap. */
export type FromThread =
  | { readonly kind: "opened"; readonly file: OpenedFile }
  | { readonly kind: "refused"; readonly message: string; readonly isInput: boolean }
  | {
      readonly kind: "progress";
      readonly records: number;
      readonly lost: number;
      readonly notes: RecordNotes;
      /** Exchanges of which nothing is kept any more. */
      readonly settled: readonly number[];
    }
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "loss"; readonly loss: TimedLoss }
  | { readonly kind: "closed" };

/** Between two reports of progress. */
const REPORT_MS = 100;
/** Lower than the traffic's: where a core is short, recording waits. */
const NICENESS = 5;

const port = parentPort;
if (port) {
  // On Linux niceness is a thread's, and 0 the thread that asks; elsewhere it would be the process's.
  if (process.platform === "linux") setPriority(0, NICENESS);
  const tell = (message: FromThread) => port.postMessage(message);
  let settled: number[] = [];
  const recorder = new Recorder(workerData as SinkOptions, {
    onProblem: (message) => tell({ kind: "problem", message }),
    onSettled: (ids) => settled.push(...ids),
    onLoss: (loss) => tell({ kind: "loss", loss }),
  });
  let told = "";
  const report = () => {
    const { recordCount: records, lostCount: lost, unrecordedCount, notes } = recorder;
    const counts = `${records} ${lost} ${unrecordedCount}`;
    if (settled.length === 0 && counts === told) return;
    told = counts;
    tell({ kind: "progress", records, lost, notes, settled });
    settled = [];
  };
  setInterval(report, REPORT_MS).unref();
  recorder.opened.then(
    (file) => tell({ kind: "opened", file }),
    (error: Error) => tell({ kind: "refused", message: error.message, isInput: error instanceof InputError }),
  );
  port.on("message", (message: ToThread) => {
    if (message.kind === "request") recorder.request(message.id, message.seen);
    else if (message.kind === "answer") recorder.answer(message.id, message.seen);
    else if (message.kind === "pass") recorder.pass(message.id, message.reason);
    else
      recorder
        .close(message.passed)
        .catch((error: Error) => tell({ kind: "problem", message: `tap: ${error.message}` }))
        .finally(() => {
          report();
          tell({ kind: "closed" });
        });
  });
}
