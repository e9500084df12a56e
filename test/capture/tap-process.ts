import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterTest } from "./scratch.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A tap in a process of its own. */
export interface TapProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** All that it has said. */
  said(): string;
  /** Sends a signal, SIGINT unless another is given; resolves to the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts the tap command; rejects with what it says where it does not listen. */
export async function tapProcess(
  upstream: string,
  traceOut: string,
  flags: readonly string[] = [],
): Promise<TapProcess> {
  const args = ["tap", "--listen", "127.0.0.1:0", "--upstream", upstream, "--trace-out", traceOut, ...flags];
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  afterTest(() => child.kill("SIGKILL"));
  let said = "";
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (text: Buffer) => {
      said += String(text);
      const found = /http:\/\/[\d.]+:\d+(?= ->)/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once("close", (code) => reject(new Error(`the tap did not start (exit code ${code}): ${said}`)));
  });
  return {
    url,
    child,
    said: () => said,
    stop: (signal = "SIGINT") => {
      child.kill(signal);
      return exited;
    },
  };
}
