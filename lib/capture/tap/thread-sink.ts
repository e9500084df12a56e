import { Worker } from "node:worker_threads";
import type { ExchangeSink, RecordNotes, SinkOptions } from "./exchange-sink.js";
import type { FromThread, ToThread } from "./record-thread.js";

/**
 * A sink that reads and writes in a thread of its own, so that parsing a long prompt or hashing it with a key delays no
 * traffic. A thread that dies takes the recording with it, and says so; traffic goes on.
 */
export function threadSink(options: SinkOptions, onProblem: (message: string) => void): ExchangeSink {
  const thread = new Worker(new URL("./record-thread.js", import.meta.url), { workerData: options });
  let recordCount = 0;
  let notes: RecordNotes = { unrecorded: {}, withoutHashes: {} };
  let isOver = false;
  const closed = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true;
      resolve();
    };
    thread.on("message", (message: FromThread) => {
      if (message.kind === "records") {
        recordCount = message.count;
        notes = message.notes;
      } else if (message.kind === "problem") onProblem(message.message);
      else end();
    });
    thread.on("error", (error) => {
      onProblem(`tap: recording has stopped: ${error.message}`);
      end();
    });
    thread.on("exit", end);
  });
  const tell = (message: ToThread, handOver: ArrayBufferLike[] = []) => {
    if (!isOver) thread.postMessage(message, handOver as ArrayBuffer[]);
  };
  return {
    get recordCount() {
      return recordCount;
    },
    get notes() {
      return notes;
    },
    request: (id, seen) => tell({ kind: "request", id, seen }, [seen.body.buffer]),
    answer: (id, seen) =>
      tell({ kind: "answer", id, seen }, [seen.body.buffer, seen.readEnds.buffer, seen.readAtMs.buffer]),
    async close() {
      tell({ kind: "close" });
      await closed;
      await thread.terminate();
    },
  };
}
