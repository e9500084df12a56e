/**
 * The Jupyter kernel process: `node kernel-main.js CONNECTION_FILE`, started by Jupyter from the `kernel.json` that
 * `prefixlab notebook kernel` writes.
 */
import { readFileSync } from "node:fs";
import { Publisher, Reply, Router } from "zeromq";
import { InputError } from "../base/index.js";
import { createCellExecutor } from "./cell-executor.js";
import { startControlThread } from "./control-thread.js";
import { type ConnectionInfo, KernelServer } from "./kernel-server.js";
import { divertStreams } from "./output-log.js";
import { refuseStdin } from "./refuse-stdin.js";

const [connectionFile] = process.argv.slice(2);
if (connectionFile === undefined) throw new InputError("kernel-main: the connection file must be given");
const connection = JSON.parse(readFileSync(connectionFile, "utf8")) as ConnectionInfo;
const address = (port: number) => `${connection.transport}://${connection.ip}:${port}`;

const iopub = new Publisher({ linger: 1000 });
const shell = new Router({ linger: 1000 });
const stdin = new Router();
const heartbeat = new Reply();
await Promise.all([
  iopub.bind(address(connection.iopub_port)),
  shell.bind(address(connection.shell_port)),
  stdin.bind(address(connection.stdin_port)),
  heartbeat.bind(address(connection.hb_port)),
]);

const executor = createCellExecutor(process.cwd(), (bundle, update) => server.display(bundle, update));
const server: KernelServer = new KernelServer(executor, connection.key, iopub);
refuseStdin();
divertStreams((name, text) => server.print(name, text));

/** Answers a request, until the kernel is asked to stop. Messages that are none, or are not signed, are dropped. */
function answer(frames: Buffer[], socket: { send(frames: Buffer[]): Promise<void> }): void {
  server.handle(frames, socket).then(
    (goOn) => {
      if (!goOn) process.exit(0);
    },
    (error: unknown) => {
      if (!(error instanceof InputError)) throw error;
    },
  );
}

async function serve(): Promise<void> {
  for await (const frames of shell) answer(frames, shell);
}

async function echo(): Promise<void> {
  for await (const frames of heartbeat) await heartbeat.send(frames);
}

// A front end that was killed cannot ask its kernel to stop.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(0);
}, 2000);

process.on("SIGINT", () => executor.interrupt());
process.on("uncaughtException", (error) => console.error("uncaught:", error));
process.on("unhandledRejection", (reason) => console.error("unhandled rejection:", reason));
await startControlThread(address(connection.control_port), connection.key, answer);
await Promise.all([serve(), echo()]);
