import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts `server-process.mjs`; `ask` gets its state. */
export async function childServer(options) {
  const child = fork(
    fileURLToPath(new URL("./server-process.mjs", import.meta.url)),
    [JSON.stringify(options)],
    {
      execArgv: ["--expose-gc"],
    },
  );
  let isAlive = true;
  let waiting;
  child.on("message", (message) => waiting?.resolve(message));
  child.once("exit", (code) => {
    isAlive = false;
    waiting?.reject(new Error(`the server process exited with ${code}`));
  });
  const reply = () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  const { url, serverUrl } = await reply();
  return {
    url,
    serverUrl,
    isAlive: () => isAlive,
    async ask() {
      child.send("state");
      return reply();
    },
    async close() {
      child.send("close");
      await reply();
      child.disconnect();
    },
  };
}

/** The sum of a metric's values whose line holds `label`. */
export async function metric(url, name, label = "") {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`vllm:${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Numbers from 0 to 1 that a seed stands for (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Exits with 1 and the reasons when a check did not hold. */
export function report(result, checks) {
  const failures = Object.entries(checks).filter(([, holds]) => !holds);
  console.log(JSON.stringify({ ...result, failed: failures.map(([name]) => name) }, null, 2));
  process.exitCode = failures.length === 0 ? 0 : 1;
}
