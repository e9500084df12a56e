import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts the paced upstream; `stop` ends it. */
export async function startUpstream() {
  const child = fork(fileURLToPath(new URL("./paced-upstream.mjs", import.meta.url)));
  const { port } = await new Promise((resolve) => child.once("message", resolve));
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() };
}
