/** The thread behind `control-thread.ts`: reads the control socket while the kernel's own thread may be in a loop. */
import { Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";
import { Router } from "zeromq";
import type { Ms } from "../base/index.js";
import { readMessage } from "./jupyter-message.js";

export interface ControlWork {
  readonly address: string;
  readonly key: string;
  /** How many requests the kernel's thread has taken up. */
  readonly heard: Int32Array;
}

export interface ToControl {
  readonly id: number;
  readonly frames: readonly Uint8Array[];
}

export type FromControl =
  | { readonly type: "bound" }
  | { readonly type: "sent"; readonly id: number }
  | { readonly type: "request"; readonly frames: readonly Uint8Array[] };

/** A kernel that has not taken up a request after this time is in a loop. */
const patienceMs: Ms = 500;
/** The same for a request to end: a kernel that is busy gets the time to be so. */
const endPatienceMs: Ms = 2000;

const { address, key, heard } = workerData as ControlWork;
const port = parentPort as NonNullable<typeof parentPort>;
const tell = (message: FromControl) => port.postMessage(message);
const socket = new Router({ linger: 1000 });
await socket.bind(address);
tell({ type: "bound" });

let sends: Promise<void> = Promise.resolve();
port.on("message", ({ id, frames }: ToControl) => {
  sends = sends
    .then(() => socket.send(frames.map((frame) => Buffer.from(frame))))
    .catch(() => undefined)
    .then(() => tell({ type: "sent", id }));
});

for await (const frames of socket) {
  const type = typeOf(frames);
  if (type === undefined) continue;
  const before = Atomics.load(heard, 0);
  tell({ type: "request", frames });
  const unlessHeard = (waitMs: Ms, act: () => void) =>
    setTimeout(() => {
      if (Atomics.load(heard, 0) === before) act();
    }, waitMs);
  if (type === "interrupt_request") unlessHeard(patienceMs, stopKernelCode);
  else if (type === "shutdown_request")
    unlessHeard(endPatienceMs, () => process.kill(process.pid, "SIGKILL"));
}

/** Messages that are none, or are not signed, are dropped. */
function typeOf(frames: readonly Buffer[]): string | undefined {
  try {
    return readMessage(frames, key).header.msg_type;
  } catch {
    return undefined;
  }
}

/** Ends the JavaScript that the kernel's thread is in, not the thread. */
function stopKernelCode(): void {
  const session = new Session();
  session.connectToMainThread();
  session.post("Runtime.terminateExecution", () => session.disconnect());
}
