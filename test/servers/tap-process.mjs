import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readTrace } from "../../dist/index.js";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A `prefixlab tap` before a server, as a user starts it. */
export async function startTapProcess(upstream, flags = []) {
  const dir = mkdtempSync(join(tmpdir(), "prefixlab-servers-"));
  const traceOut = join(dir, "tap.jsonl");
  const keyFile = join(dir, "tap.key");
  const key = randomBytes(32);
  writeFileSync(keyFile, key, { mode: 0o600 });
  const child = spawn(
    process.execPath,
    [
      ...[cli, "tap", "--listen", "127.0.0.1:0", "--upstream", upstream, "--trace-out", traceOut],
      ...["--fingerprint-key-file", keyFile, ...flags],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    child.stderr.on("data", (bytes) => {
      said += bytes;
      const listening = /(http:\/\/127\.0\.0\.1:\d+) ->/.exec(said);
      if (listening) resolve(listening[1]);
    });
    exited.then((code) => reject(new Error(`the tap exited with ${code}: ${said}`)));
  });
  return {
    url,
    key,
    /** Ends the tap; the trace that it wrote, undefined when it holds no usable record, and all that it said. */
    async end() {
      child.kill("SIGINT");
      const code = await exited;
      try {
        return { code, said, trace: await readTrace(traceOut) };
      } catch (error) {
        return { code, said, problem: error.message };
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  };
}
