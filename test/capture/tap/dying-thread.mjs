// A recording thread whose records are lines that say so, and that dies of the request whose body is `die`.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const progress = (settled, records) =>
  parentPort.postMessage({
    kind: "progress",
    records,
    lost: 0,
    notes: { unrecorded: {}, withoutHashes: {} },
    settled,
  });
const before = existsSync(workerData.traceOut) ? readFileSync(workerData.traceOut, "utf8") : "";
appendFileSync(workerData.traceOut, `${workerData.offsetMs ?? "first"}\n`);
const recordsBefore = before.split("record\n").length - 1;
parentPort.postMessage({ kind: "opened", file: { recordsBefore, offsetMs: 7, isContinued: false } });
let records = 0;
parentPort.on("message", (message) => {
  if (message.kind === "close") parentPort.postMessage({ kind: "closed" });
  if (message.kind === "answer") {
    appendFileSync(workerData.traceOut, "record\n");
    progress([message.id], ++records);
  }
  if (message.kind === "request" && Buffer.from(message.seen.body).toString() === "die")
    throw new Error("of this request");
});
