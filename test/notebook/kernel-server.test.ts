import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { registerKernel } from "../../lib/notebook/index.js";
import { readMessage, replyTo, writeMessage } from "../../lib/notebook/jupyter-message.js";
import { type Execution, type KernelClient, startKernel } from "./kernel-client.js";
import { scratchFolder } from "./sample-notebook.js";

const kernelMain = join(import.meta.dirname, "..", "..", "dist", "notebook", "kernel-main.js");
const scratch = scratchFolder();
let kernel: KernelClient;
beforeAll(async () => {
  kernel = await startKernel(kernelMain, scratch.dir);
});
afterAll(() => {
  kernel.close();
  scratch.remove();
});

const texts = ({ published }: Execution) =>
  published.flatMap(({ type, content }) => (type === "stream" ? [String(content.text)] : [])).join("");
const types = ({ published }: Execution) => published.map(({ type }) => type);

/** Behind a failed cell, what was sent meanwhile is aborted for a moment. */
const afterAbort = () => new Promise((resolve) => setTimeout(resolve, 100));

describe("the kernel", () => {
  it("delivers every line of 5,000 printed in one cell, and says that it is idle", async () => {
    const execution = await kernel.execute("for (let i = 0; i < 5000; i++) console.log('line', i);");
    expect(texts(execution).split("\n")).toHaveLength(5001);
    expect(texts(execution)).toMatch(/line 4999\n$/);
    expect(execution.published.at(-1)?.content).toEqual({ execution_state: "idle" });
  });

  it("announces each execution with its code and its count", async () => {
    const first = await kernel.execute("const a = 1;");
    const second = await kernel.execute("a + 1");
    const inputs = [first, second].map(
      ({ published }) => published.find(({ type }) => type === "execute_input")?.content,
    );
    expect(inputs.map((input) => input?.code)).toEqual(["const a = 1;", "a + 1"]);
    expect(Number(inputs[1]?.execution_count) - Number(inputs[0]?.execution_count)).toBe(1);
    expect(second.reply).toMatchObject({ status: "ok", execution_count: inputs[1]?.execution_count });
    const result = second.published.find(({ type }) => type === "execute_result")?.content;
    expect(result).toMatchObject({
      execution_count: inputs[1]?.execution_count,
      data: { "text/plain": "2" },
    });
  });

  it("sends a failed cell's error with its traceback, and aborts what was already queued behind it", async () => {
    const failing = kernel.execute("const b: number = 1;\nthrow new RangeError('too far');");
    const queued = kernel.execute("console.log('must not run')");
    const [failed, aborted] = await Promise.all([failing, queued]);
    expect(types(failed)).toContain("error");
    expect(failed.reply).toMatchObject({ status: "error", ename: "RangeError", evalue: "too far" });
    expect(String(failed.reply.traceback)).toContain("at line 2 of the cell");
    expect(aborted.reply.status).toBe("aborted");
    expect(texts(aborted)).toBe("");
  });

  it("runs on after a failure", async () => {
    await afterAbort();
    expect((await kernel.execute("console.log('still here')")).reply.status).toBe("ok");
  });

  it("sends a display as one bundle", async () => {
    const execution = await kernel.execute(
      "import { display, tableOf } from 'prefixlab';\nawait display(tableOf([{ a: 1 }]));",
    );
    const shown = execution.published.find(({ type }) => type === "display_data")?.content;
    expect(Object.keys(shown?.data ?? {})).toEqual(["text/html", "text/plain"]);
  });

  it("completes names, explains them, and tells whole cells from begun ones", async () => {
    await kernel.execute("const answer = 42;");
    const completed = await kernel.request("complete_request", { code: "answ", cursor_pos: 4 });
    expect(completed.reply.matches).toContain("answer");
    const inspected = await kernel.request("inspect_request", { code: "answer", cursor_pos: 2 });
    expect(JSON.stringify(inspected.reply.data)).toContain("const answer");
    expect((await kernel.request("is_complete_request", { code: "function f() {" })).reply.status).toBe(
      "incomplete",
    );
    expect((await kernel.request("is_complete_request", { code: "f()" })).reply.status).toBe("complete");
  });

  it("stops a cell that awaits for ever when it is interrupted", async () => {
    const code = "console.log('waiting');\nawait new Promise(() => setTimeout(() => {}, 100_000));";
    const interrupted = await kernel.execute(code, (type) => {
      if (type === "stream") kernel.process.kill("SIGINT");
    });
    expect(interrupted.reply.status).toBe("error");
  });

  it.each([
    ["at the top", "const before = 1;\nconsole.log('busy');\nwhile (true) {}"],
    [
      "behind an await",
      "console.log('busy');\nawait new Promise((done) => setTimeout(done, 10));\nwhile (true) {}",
    ],
  ])("ends a loop without end %s when a front end interrupts it, and runs on", async (_, code) => {
    await afterAbort();
    const kept = await kernel.execute("const kept = 'here';");
    expect(kept.reply.status).toBe("ok");
    const running = kernel.execute(code);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await kernel.interrupt()).toMatchObject({ status: "ok" });
    expect((await running).reply).toMatchObject({ status: "error", ename: "Interrupted" });
    await afterAbort();
    expect(texts(await kernel.execute("console.log(kept)"))).toBe("here\n");
  });

  it("refuses to read from a terminal that is not there", async () => {
    for (const code of ["process.stdin.on('data', () => {})", "prompt('how many?')"]) {
      await afterAbort();
      const { reply } = await kernel.execute(
        `import * as readline from 'node:readline';\n(globalThis as any).${code}`,
      );
      expect(reply).toMatchObject({ status: "error", ename: "InputError" });
      expect(String(reply.evalue)).toContain("a notebook has no terminal to read from");
    }
  });
});

describe("startKernel", () => {
  it("gives up on a kernel that does not start", async () => {
    await expect(startKernel(join(scratch.dir, "no-such-kernel.js"), scratch.dir)).rejects.toThrow(
      /ended before it answered/,
    );
  });
});

describe("readMessage", () => {
  const header = { msg_id: "1", msg_type: "t", session: "s", username: "u", date: "", version: "5.3" };
  const message = { identities: [Buffer.from("me")], header, parent: {}, metadata: {}, content: { a: 1 } };

  it("reads what writeMessage wrote", () => {
    expect(readMessage(writeMessage(message, "key"), "key")).toEqual(message);
    expect(replyTo(message, "r", {}).parent).toEqual(header);
  });

  it("refuses another key and frames that are no message", () => {
    expect(() => readMessage(writeMessage(message, "key"), "other")).toThrow(InputError);
    expect(() => readMessage([Buffer.from("x")], "key")).toThrow(InputError);
  });
});

describe("registerKernel", () => {
  it("writes a kernel.json that starts this installation by absolute path", async () => {
    const dir = await registerKernel(scratch.dir);
    const spec = JSON.parse(readFileSync(join(dir, "kernel.json"), "utf8"));
    expect(spec.argv.at(-1)).toBe("{connection_file}");
    expect(existsSync(spec.argv[0])).toBe(true);
    expect(spec.language).toBe("typescript");
  });
});
