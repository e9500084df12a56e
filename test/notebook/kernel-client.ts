import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Dealer, Subscriber } from "zeromq";
import { type JupyterMessage, readMessage, writeMessage } from "../../lib/notebook/jupyter-message.js";

/** What a front end sees of one execution. */
export interface Execution {
  readonly reply: Readonly<Record<string, unknown>>;
  /** Messages on the broadcast channel, in order, up to the kernel being idle again. */
  readonly published: readonly {
    readonly type: string;
    readonly content: Readonly<Record<string, unknown>>;
  }[];
}

/** A front end to a kernel process, as far as tests need one. */
export interface KernelClient {
  request(type: string, content: object): Promise<Execution>;
  /** @param onPublish called with the type of each message on the broadcast channel, when it comes */
  execute(code: string, onPublish?: (type: string) => void): Promise<Execution>;
  /** Asks the kernel to stop what it does, as front ends do. */
  interrupt(): Promise<Readonly<Record<string, unknown>>>;
  readonly process: ChildProcess;
  close(): void;
}

const key = "test-key";

const startAttempts = 5;
const startTimeoutMs = 60_000;

/**
 * Starts a kernel process in a folder and connects to it. The ports are free when they are chosen; where something else
 * has taken one before the kernel binds it, the kernel ends, and is started again with others.
 */
export async function startKernel(kernelMain: string, dir: string): Promise<KernelClient> {
  for (let attempt = 1; ; attempt++) {
    const kernel = await connectKernel(kernelMain, dir);
    const state = await kernel.answers();
    if (state === "answered") return kernel.client;
    kernel.client.close();
    if (state === "timeout") throw new Error(`the kernel did not answer within ${startTimeoutMs / 1000} s`);
    if (attempt === startAttempts)
      throw new Error(`the kernel ended before it answered, ${startAttempts} times: ${kernelMain}`);
  }
}

async function connectKernel(kernelMain: string, dir: string) {
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = await freePorts(5);
  const connection = {
    transport: "tcp",
    ip: "127.0.0.1",
    key,
    shell_port,
    iopub_port,
    stdin_port,
    control_port,
    hb_port,
  };
  const file = join(dir, "connection.json");
  writeFileSync(file, JSON.stringify(connection));
  const child = spawn(process.execPath, [kernelMain, file], { cwd: dir, stdio: "ignore" });
  const ended = new Promise<"ended">((resolve) => child.once("exit", () => resolve("ended")));
  const shell = new Dealer({ linger: 0 });
  const control = new Dealer({ linger: 0 });
  const iopub = new Subscriber({ linger: 0 });
  shell.connect(`tcp://127.0.0.1:${shell_port}`);
  control.connect(`tcp://127.0.0.1:${control_port}`);
  iopub.connect(`tcp://127.0.0.1:${iopub_port}`);
  iopub.subscribe();
  const waiting = new Map<string, Waiting>();
  void listen(shell, (message) => waiting.get(String(message.parent.msg_id))?.onReply(message));
  void listen(control, (message) => waiting.get(String(message.parent.msg_id))?.onReply(message));
  void listen(iopub, (message) => waiting.get(String(message.parent.msg_id))?.onPublish(message));
  let sends: Promise<void> = Promise.resolve();
  const request = (
    type: string,
    content: object,
    onPublish?: (type: string) => void,
    socket: Dealer = shell,
  ) =>
    new Promise<Execution>((resolve) => {
      const id = randomUUID();
      waiting.set(id, waitingFor(resolve, onPublish));
      const header = {
        msg_id: id,
        msg_type: type,
        session: "test",
        username: "test",
        date: "",
        version: "5.3",
      };
      const frames = writeMessage(
        { identities: [], header, parent: {}, metadata: {}, content: { ...content } },
        key,
      );
      sends = sends.then(() => socket.send(frames)).catch(() => undefined);
    });
  const client: KernelClient = {
    request,
    execute: (code, onPublish) =>
      request("execute_request", { code, silent: false, stop_on_error: true }, onPublish),
    interrupt: async () => (await request("interrupt_request", {}, undefined, control)).reply,
    process: child,
    close() {
      control.close();
      shell.close();
      iopub.close();
      child.kill("SIGKILL");
    },
  };
  return {
    client,
    /** The broadcast channel drops what is sent before the subscription has arrived: asks until it answers. */
    async answers(): Promise<"answered" | "ended" | "timeout"> {
      for (let waitedMs = 0; waitedMs < startTimeoutMs; waitedMs += 1000) {
        const state = await Promise.race([
          request("kernel_info_request", {}).then(() => "answered" as const),
          ended,
          new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1000)),
        ]);
        if (state) return state;
      }
      return "timeout";
    },
  };
}

interface Waiting {
  onReply(message: JupyterMessage): void;
  onPublish(message: JupyterMessage): void;
}

function waitingFor(resolve: (execution: Execution) => void, onPublish?: (type: string) => void): Waiting {
  let reply: Readonly<Record<string, unknown>> | undefined;
  let idle = false;
  const published: { type: string; content: Readonly<Record<string, unknown>> }[] = [];
  const settle = () => {
    if (reply && idle) resolve({ reply, published });
  };
  return {
    onReply({ content }) {
      reply = content;
      settle();
    },
    onPublish({ header, content }) {
      published.push({ type: header.msg_type, content });
      onPublish?.(header.msg_type);
      idle ||= content.execution_state === "idle";
      settle();
    },
  };
}

async function listen(socket: Dealer | Subscriber, take: (message: JupyterMessage) => void): Promise<void> {
  for await (const frames of socket) take(readMessage(frames, key));
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
