import { parentPort, workerData } from "node:worker_threads";
import type { CaptureStart } from "./view-writer.js";
import { type EngineWatchOptions, type WatchCounts, watchEngine } from "./watch-engine.js";

/** What a capture tells the watching thread. */
export type ToWatchThread =
  | { readonly kind: "begin"; readonly start: CaptureStart }
  | { readonly kind: "close" };

/** What the watching thread tells the capture. */
export type FromWatchThread =
  | { readonly kind: "started" }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "closed"; readonly counts: WatchCounts };

const port = parentPort;
if (port) {
  const tell = (message: FromWatchThread) => port.postMessage(message);
  const started = watchEngine(workerData as EngineWatchOptions, (message) =>
    tell({ kind: "problem", message }),
  );
  started.then(
    () => tell({ kind: "started" }),
    (error: Error) => tell({ kind: "refused", message: error.message }),
  );
  port.on("message", async (message: ToWatchThread) => {
    const watch = await started.catch(() => undefined);
    if (!watch) return;
    if (message.kind === "begin") return watch.begin(message.start);
    await watch.close();
    return tell({ kind: "closed", counts: watch.counts });
  });
}
