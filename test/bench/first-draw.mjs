// The explorer's page without a browser: the script that it computes with, in a thread, from its start to what is drawn first.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

/** As a browser's thread has it: messages in by `onmessage`, out by `postMessage`. */
const browser = `
const { parentPort } = require("node:worker_threads");
globalThis.postMessage = (reply) => parentPort.postMessage(reply);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
`;

/** Seconds until the page at `path` has the answer that it draws first. */
export async function firstDrawSeconds(path) {
  const html = readFileSync(path, "utf8");
  const text = (id) => new RegExp(`<script type="[a-z/]*" id="${id}">([\\s\\S]*?)</script>`).exec(html)[1];
  const { models } = JSON.parse(text("page"));
  const question = { trace: 0, latency: models[0].name, choices: {}, session: 0 };
  const startedMs = performance.now();
  const worker = new Worker(browser + text("worker"), { eval: true });
  try {
    return await new Promise((resolve, reject) => {
      worker.once("error", reject);
      worker.on("message", ({ kind, message }) => {
        if (kind === "refused") reject(new Error(message));
        if (kind === "answer") resolve((performance.now() - startedMs) / 1000);
      });
      worker.postMessage(JSON.parse(text("start")));
      worker.postMessage({ kind: "ask", ask: 1, question });
    });
  } finally {
    await worker.terminate();
  }
}
