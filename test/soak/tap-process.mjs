// The tap command in a process of its own, for scripts that end it, or look at its memory.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Starts a command of the built library; `ready` matches what it says on stderr once it is under way. */
export async function command(args, ready) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  let said = "";
  const found = await new Promise((resolve, reject) => {
    child.stderr.on("data", (text) => {
      said += String(text);
      const match = ready?.exec(said);
      if (match) resolve(match[0]);
    });
    if (!ready) resolve(undefined);
    child.once("close", () => reject(new Error(`ended at once: ${said}`)));
  });
  return { child, exited, url: found, said: () => said };
}

/** A tap before `upstream`. */
export function tapCommand(upstream, traceOut, ...flags) {
  const args = ["tap", "--listen", "127.0.0.1:0", "--upstream", upstream, "--trace-out", traceOut, ...flags];
  return command(args, /http:\/\/127\.0\.0\.1:\d+(?= ->)/);
}

/** Memory of a process in bytes, now and at its most; Linux only. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
}

/** A server that streams `tokens` tokens for every completion, `gapMs` apart; resolves to its address. */
export async function pacedUpstream({ tokens = 50, gapMs = 20 } = {}) {
  const { createServer } = await import("node:http");
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    request.on("end", () => {
      if (!request.url.endsWith("/completions")) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": "text/event-stream" });
      let left = tokens;
      const timer = setInterval(() => {
        const finish = --left === 0 ? '"length"' : "null";
        response.write(`data: {"choices":[{"index":0,"text":"x","finish_reason":${finish}}]}\n\n`);
        if (left > 0) return;
        clearInterval(timer);
        response.end("data: [DONE]\n\n");
      }, gapMs);
      response.on("close", () => clearInterval(timer));
      return undefined;
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.closeAllConnections() };
}
