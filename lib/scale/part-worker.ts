import { parentPort, workerData } from "node:worker_threads";
import { InputError } from "../base/index.js";
import type { PartReply, SharedParts } from "./part-threads.js";
import { summarizePart } from "./trace-part.js";

/** A thread that reads parts of a trace, as long as there are parts that nobody has taken. */
const { path, outline, shape, windows, taken } = workerData as SharedParts;
const reply = (told: PartReply, moved: ArrayBuffer[] = []) => parentPort?.postMessage(told, moved);
try {
  for (let part = Atomics.add(taken, 0, 1); part < windows.length; part = Atomics.add(taken, 0, 1)) {
    const done = await summarizePart(path, outline, shape, windows[part], (progress) =>
      reply({ part, progress }),
    );
    reply(
      { part, done },
      done.facts.digests.map(({ buffer }) => buffer as ArrayBuffer),
    );
  }
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  reply({ refusal: error.message });
}
