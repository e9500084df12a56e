import { parentPort, workerData } from "node:worker_threads";
import type { RecordNotes, SeenAnswer, SeenRequest, SinkOptions } from "./exchange-sink.js";
import { Recorder } from "./recorder.js";

/** What the tap tells the recording thread. */
export type ToThread =
  | { readonly kind: "request"; readonly id: number; readonly seen: SeenRequest }
  | { readonly kind: "answer"; readonly id: number; readonly seen: SeenAnswer }
  | { readonly kind: "close" };

/** What the recording thread tells the tap. */
export type FromThread =
  | { readonly kind: "records"; readonly count: number; readonly notes: RecordNotes }
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "closed" };

const port = parentPort;
if (port) {
  const tell = (message: FromThread) => port.postMessage(message);
  const recorder = new Recorder(workerData as SinkOptions, (message) => tell({ kind: "problem", message }));
  let told = 0;
  const tellCount = () => {
    const { recordCount, unrecordedCount, notes } = recorder;
    if (recordCount + unrecordedCount !== told) tell({ kind: "records", count: recordCount, notes });
    told = recordCount + unrecordedCount;
  };
  setInterval(tellCount, 100).unref();
  port.on("message", (message: ToThread) => {
    if (message.kind === "request") recorder.request(message.id, message.seen);
    else if (message.kind === "answer") recorder.answer(message.id, message.seen);
    else
      recorder
        .close()
        .catch((error: Error) => tell({ kind: "problem", message: error.message }))
        .finally(() => {
          tellCount();
          tell({ kind: "closed" });
        });
  });
}
