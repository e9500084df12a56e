import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Ms, WorkError } from "../base/index.js";
import type { CellResult } from "./cell-executor.js";
import type { ChildMessage, ChildRequest } from "./kernel-child.js";
import type { CellOutput } from "./notebook-file.js";
import { requirePackages } from "./require-packages.js";

/** For a process that has nothing left to do to say so, on a machine that has much to do. */
const answerMs: Ms = 10_000;

/** What a cell came to. */
export interface SessionResult {
  readonly result: CellResult;
  readonly outputs: readonly CellOutput[];
}

/** One running kernel process without Jupyter. */
export interface NotebookSession {
  /**
   * Runs a cell; a cell that takes longer than its time-out ends the process and is a failed result. So is every cell
   * after the process has ended.
   */
  execute(source: string, cellNumber: number, timeoutMs: Ms): Promise<SessionResult>;
  /**
   * Waits for what the cells set going and nobody awaited, up to a time: it may fail yet, which is a failed result.
   * @returns undefined where the process has ended
   */
  finish(graceMs: Ms): Promise<SessionResult | undefined>;
  close(): void;
}

/**
 * Starts a kernel process in a folder, the one that a notebook's imports and paths are seen from.
 * @throws InputError when tslab, which runs the cells, is not installed
 * @throws WorkError when the process ends before it is ready
 */
export async function openSession(cwd: string): Promise<NotebookSession> {
  requirePackages("openSession", ["tslab"]);
  const child = fork(fileURLToPath(new URL("./kernel-child.js", import.meta.url)), [], {
    cwd,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000);
  });
  const ready = await nextMessage(child);
  if (ready?.type !== "ready")
    throw new WorkError(`openSession: the kernel process did not start: ${complaint.trim()}`);
  let ended = false;
  return {
    async execute(source, cellNumber, timeoutMs) {
      if (ended)
        return failed("KernelDied", "the kernel process ended in an earlier cell: variables are lost");
      const answer = nextMessage(child, timeoutMs);
      // That the process is gone shows in the answer.
      child.send({ type: "execute", source, cellNumber } satisfies ChildRequest, () => undefined);
      const message = await answer;
      if (message?.type === "done") return { result: message.result, outputs: message.outputs };
      ended = true;
      child.kill("SIGKILL");
      return message?.type === "timeout"
        ? failed("TimeoutError", `the cell took longer than ${timeoutMs / 1000} s`)
        : failed("KernelDied", complaint.trim() || "the kernel process ended");
    },
    async finish(graceMs) {
      if (ended) return undefined;
      const answer = nextMessage(child, graceMs + answerMs);
      child.send({ type: "finish", graceMs } satisfies ChildRequest, () => undefined);
      const message = await answer;
      return message?.type === "done" ? { result: message.result, outputs: message.outputs } : undefined;
    },
    close() {
      if (child.connected) child.disconnect();
      // A cell may have left a timer or a socket behind that would keep the process.
      child.kill("SIGKILL");
    },
  };
}

function failed(name: string, message: string): SessionResult {
  const traceback = [`${name}: ${message}`];
  return {
    result: { ok: false, error: { name, message, traceback } },
    outputs: [{ output_type: "error", ename: name, evalue: message, traceback }],
  };
}

/** The next message; a time-out after `timeoutMs`; undefined when the process ends first. */
function nextMessage(
  child: ChildProcess,
  timeoutMs?: Ms,
): Promise<ChildMessage | { readonly type: "timeout" } | undefined> {
  return new Promise((resolve) => {
    const settle = (value: ChildMessage | { readonly type: "timeout" } | undefined) => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("close", onClose);
      resolve(value);
    };
    const onMessage = (message: unknown) => settle(message as ChildMessage);
    const onClose = () => settle(undefined);
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => settle({ type: "timeout" }), timeoutMs);
    child.on("message", onMessage);
    child.on("close", onClose);
  });
}
