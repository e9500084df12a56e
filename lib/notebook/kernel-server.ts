import type { MimeBundle } from "../figure/index.js";
import type { CellExecutor, CellResult } from "./cell-executor.js";
import { CellHistory } from "./cell-history.js";
import { type JupyterMessage, readMessage, replyTo, writeMessage } from "./jupyter-message.js";

/** What Jupyter writes into the connection file. */
export interface ConnectionInfo {
  readonly transport: string;
  readonly ip: string;
  readonly key: string;
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly stdin_port: number;
  readonly control_port: number;
  readonly hb_port: number;
}

/** Something that frames can be sent to, one send at a time. */
interface Sink {
  send(frames: Buffer[]): Promise<void>;
}

type Content = Readonly<Record<string, unknown>>;

/** Texts of a stream are sent when this much has come together, or at the next turn of the event loop. */
const flushCharacters = 1 << 16;
/** How long requests that were on their way when a cell failed are answered with "aborted". */
const abortMs = 20;

/**
 * The kernel's side of Jupyter's protocol over any executor. It differs from tslab's own server where that loses
 * things: sends wait for one another (a socket takes one at a time and drops the rest), the texts of a stream are
 * joined before they are sent, every execution is announced with its count, and a failed cell sends its error.
 */
export class KernelServer {
  #count = 0;
  #history = new CellHistory();
  #current: JupyterMessage | undefined;
  #pending: { name: string; text: string } | undefined;
  #flushing = false;
  #executions: Promise<void> = Promise.resolve();
  #aborting = false;
  #sends = new Map<Sink, Promise<void>>();

  constructor(
    private readonly executor: CellExecutor,
    private readonly key: string,
    private readonly iopub: Sink,
  ) {}

  /** Answers one message from the shell or the control socket. False: the kernel is asked to stop. */
  async handle(frames: readonly Buffer[], socket: Sink): Promise<boolean> {
    const request = readMessage(frames, this.key);
    const answer = (type: string, content: Content) => this.#send(socket, replyTo(request, type, content));
    if (request.header.msg_type === "execute_request") {
      // Cells run one after the other; other requests are answered in between.
      const execution = this.#executions.then(() => this.#execute(request, socket));
      // The cells that follow run whatever became of this one.
      this.#executions = execution.catch(() => undefined);
      await execution;
      return true;
    }
    this.#publish(request, "status", { execution_state: "busy" });
    switch (request.header.msg_type) {
      case "kernel_info_request":
        answer("kernel_info_reply", kernelInfo);
        break;
      case "is_complete_request": {
        answer("is_complete_reply", this.executor.isComplete(String(request.content.code)));
        break;
      }
      case "inspect_request": {
        const text = this.executor.inspect(String(request.content.code), Number(request.content.cursor_pos));
        const data = text === undefined ? {} : { "text/plain": text };
        answer("inspect_reply", { status: "ok", found: text !== undefined, data, metadata: {} });
        break;
      }
      case "complete_request": {
        const { start, end, candidates } = this.executor.complete(
          String(request.content.code),
          Number(request.content.cursor_pos),
        );
        const range = { cursor_start: start, cursor_end: end };
        answer("complete_reply", { status: "ok", matches: candidates, metadata: {}, ...range });
        break;
      }
      case "comm_info_request":
        answer("comm_info_reply", { status: "ok", comms: {} });
        break;
      case "history_request":
        answer("history_reply", { status: "ok", history: this.#history.find(request.content) });
        break;
      case "interrupt_request":
        this.executor.interrupt();
        answer("interrupt_reply", { status: "ok" });
        break;
      case "shutdown_request":
        answer("shutdown_reply", { status: "ok", restart: request.content.restart === true });
        break;
    }
    this.#publish(request, "status", { execution_state: "idle" });
    if (request.header.msg_type !== "shutdown_request") return true;
    await Promise.all(this.#sends.values());
    return false;
  }

  /** Sends a text that a cell printed. */
  print(name: "stdout" | "stderr", text: string): void {
    if (this.#pending && this.#pending.name !== name) this.#flush();
    this.#pending ??= { name, text: "" };
    this.#pending.text += text;
    if (this.#pending.text.length >= flushCharacters) this.#flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.#flush());
    }
  }

  /** Sends what a cell displays. */
  display(bundle: object, update: boolean): void {
    this.#flush();
    if (this.#current)
      this.#publish(this.#current, update ? "update_display_data" : "display_data", { ...bundle });
  }

  async #execute(request: JupyterMessage, socket: Sink): Promise<void> {
    this.#publish(request, "status", { execution_state: "busy" });
    if (this.#aborting) {
      this.#send(socket, replyTo(request, "execute_reply", { status: "aborted" }));
    } else {
      const code = String(request.content.code);
      const isSilent = request.content.silent === true;
      const count = isSilent ? this.#count : ++this.#count;
      this.#flush();
      this.#current = request;
      if (!isSilent) this.#publish(request, "execute_input", { code, execution_count: count });
      const result = await this.executor.execute(code, isSilent ? 0 : count).catch(failedResult);
      await new Promise((resolve) => setImmediate(resolve));
      this.#flush();
      if (!isSilent) this.#history.add(count, code, result.ok ? plainText(result.value) : undefined);
      if (result.ok) {
        if (result.value && !isSilent)
          this.#publish(request, "execute_result", { execution_count: count, ...result.value });
        const content = { status: "ok", execution_count: count, user_expressions: {}, payload: [] };
        this.#send(socket, replyTo(request, "execute_reply", content));
      } else {
        const { name, message, traceback } = result.error;
        const error = { ename: name, evalue: message, traceback };
        this.#publish(request, "error", error);
        this.#send(
          socket,
          replyTo(request, "execute_reply", { status: "error", execution_count: count, ...error }),
        );
        if (request.content.stop_on_error !== false) this.#abortForAWhile();
      }
    }
    this.#publish(request, "status", { execution_state: "idle" });
  }

  /** "Run all" has sent the following cells already: they must not run after a failed one. */
  #abortForAWhile(): void {
    this.#aborting = true;
    setTimeout(() => {
      this.#aborting = false;
    }, abortMs);
  }

  #flush(): void {
    this.#flushing = false;
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending && this.#current) this.#publish(this.#current, "stream", { ...pending });
  }

  #publish(request: JupyterMessage, type: string, content: Content): void {
    this.#send(this.iopub, { ...replyTo(request, type, content), identities: [Buffer.from(type)] });
  }

  #send(sink: Sink, message: JupyterMessage): void {
    const frames = writeMessage(message, this.key);
    const before = this.#sends.get(sink) ?? Promise.resolve();
    this.#sends.set(
      sink,
      before.then(() => sink.send(frames)).catch(() => undefined),
    );
  }
}

function plainText(value: MimeBundle | undefined): string | undefined {
  return value && String(value.data["text/plain"]);
}

/** A cell that its executor could not bring to an end has failed, and its front end must hear of it. */
function failedResult(error: unknown): CellResult {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { ok: false, error: { name, message, traceback: [`${name}: ${message}`] } };
}

const kernelInfo: Content = {
  status: "ok",
  protocol_version: "5.3",
  implementation: "prefixlab",
  implementation_version: "0.1.0",
  banner: "TypeScript under tslab, with prefixlab",
  language_info: {
    name: "typescript",
    version: "5.0.4",
    mimetype: "text/typescript",
    file_extension: ".ts",
    codemirror_mode: { mode: "typescript", name: "javascript", typescript: true },
  },
};
