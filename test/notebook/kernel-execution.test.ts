import { describe, expect, it } from "vitest";
import type { CellExecutor } from "../../lib/notebook/cell-executor.js";
import { type JupyterMessage, readMessage, writeMessage } from "../../lib/notebook/jupyter-message.js";
import { KernelServer } from "../../lib/notebook/kernel-server.js";

const key = "test-key";

function executeRequest(code: string): Buffer[] {
  const header = {
    msg_id: code,
    msg_type: "execute_request",
    session: "s",
    username: "u",
    date: "",
    version: "5.3",
  };
  const content = { code, stop_on_error: false };
  return writeMessage({ identities: [], header, parent: {}, metadata: {}, content }, key);
}

describe("KernelServer", () => {
  it("reports a cell whose executor rejects, is idle again, and runs the cells behind it", async () => {
    const ran: string[] = [];
    const executor: CellExecutor = {
      async execute(code) {
        ran.push(code);
        if (code === "bad") throw new RangeError("the executor broke");
        return { ok: true };
      },
      strayError: () => ({ name: "", message: "", traceback: [] }),
      interrupt: () => undefined,
      inspect: () => undefined,
      complete: () => ({ start: 0, end: 0, candidates: [] }),
      isComplete: () => ({ status: "complete" }),
      close: () => undefined,
    };
    const sent: { to: string; message: JupyterMessage }[] = [];
    const sink = (to: string) => ({
      send: async (frames: Buffer[]) => void sent.push({ to, message: readMessage(frames, key) }),
    });
    const server = new KernelServer(executor, key, sink("iopub"));
    const shell = sink("shell");
    await Promise.all(["good", "bad", "after"].map((code) => server.handle(executeRequest(code), shell)));
    await new Promise((resolve) => setImmediate(resolve));

    expect(ran).toEqual(["good", "bad", "after"]);
    const replies = sent.filter(({ to }) => to === "shell").map(({ message }) => message.content);
    expect(replies.map(({ status }) => status)).toEqual(["ok", "error", "ok"]);
    expect(replies[1]).toMatchObject({ ename: "RangeError", evalue: "the executor broke" });
    const states = sent.flatMap(({ message }) =>
      message.header.msg_type === "status" ? [message.content.execution_state] : [],
    );
    expect(states).toEqual(["busy", "idle", "busy", "idle", "busy", "idle"]);
  });
});
