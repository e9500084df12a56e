import { Worker } from "node:worker_threads";
import { InputError } from "../../base/index.js";
import type { CaptureStart } from "./view-writer.js";
import type { EngineWatch, EngineWatchOptions, WatchCounts } from "./watch-engine.js";
import type { FromWatchThread, ToWatchThread } from "./watch-thread.js";

/** Opens a watch; what goes wrong while it runs is said as lines for the user. */
export type OpenWatch = (
  options: EngineWatchOptions,
  onProblem: (message: string) => void,
) => Promise<EngineWatch>;

const nothing: WatchCounts = {
  snapshots: 0,
  batches: 0,
  missedBatches: 0,
  storedBlocks: 0,
  removedBlocks: 0,
  lostLines: 0,
};

/**
 * Watches in a thread of its own, so that fingerprinting what an engine stored delays no traffic. Its counts are known once
 * it is closed. A thread that dies says so, and the capture goes on without it.
 * @throws InputError when the events' address is none, or what reads them is not installed
 */
export async function threadWatch(
  options: EngineWatchOptions,
  onProblem: (message: string) => void,
): Promise<EngineWatch> {
  const thread = new Worker(new URL("./watch-thread.js", import.meta.url), { workerData: options });
  let counts = nothing;
  let isOver = false;
  let onClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve;
  });
  const tell = (message: ToWatchThread) => {
    if (!isOver) thread.postMessage(message);
  };
  const end = () => {
    isOver = true;
    onClosed();
  };
  await new Promise<void>((resolve, reject) => {
    thread.on("message", (message: FromWatchThread) => {
      if (message.kind === "started") resolve();
      else if (message.kind === "problem") onProblem(message.message);
      else if (message.kind === "refused") {
        end();
        void thread.terminate();
        reject(new InputError(message.message));
      } else {
        counts = message.counts;
        end();
      }
    });
    thread.on("error", (error) => {
      if (!isOver) onProblem(`the engine is watched no more: ${error.message}`);
      end();
      resolve();
    });
    thread.on("exit", end);
  });
  return {
    get counts() {
      return counts;
    },
    begin: (start: CaptureStart) => tell({ kind: "begin", start }),
    async close() {
      tell({ kind: "close" });
      await closed;
      await thread.terminate();
    },
  };
}
