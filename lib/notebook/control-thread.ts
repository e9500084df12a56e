import { Worker } from "node:worker_threads";
import type { ControlWork, FromControl, ToControl } from "./control-worker.js";

/** The control socket, read in a thread of its own. */
export interface ControlThread {
  send(frames: Buffer[]): Promise<void>;
}

/**
 * Starts a thread that reads the control socket, so that a kernel that computes can be interrupted and ended.
 * @param onRequest receives the frames of each message
 */
export async function startControlThread(
  address: string,
  key: string,
  onRequest: (frames: Buffer[], control: ControlThread) => void,
): Promise<ControlThread> {
  const heard = new Int32Array(new SharedArrayBuffer(4));
  const work: ControlWork = { address, key, heard };
  const worker = new Worker(new URL("./control-worker.js", import.meta.url), { workerData: work });
  const sent = new Map<number, () => void>();
  let sends = 0;
  const control: ControlThread = {
    send: (frames) =>
      new Promise((resolve) => {
        sent.set(++sends, resolve);
        worker.postMessage({ id: sends, frames } satisfies ToControl);
      }),
  };
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.on("message", (message: FromControl) => {
      if (message.type === "bound") resolve();
      else if (message.type === "sent") sent.get(message.id)?.();
      else {
        Atomics.add(heard, 0, 1);
        onRequest(
          message.frames.map((frame) => Buffer.from(frame)),
          control,
        );
      }
    });
  });
  return control;
}
