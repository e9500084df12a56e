import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Ms } from "../../base/index.js";
import { AnswerReader } from "./answer-reader.js";
import type { Exchange } from "./exchange.js";

/** How much of an error body is read: enough for its message, also where it repeats what it was sent. */
const ERROR_BODY_CHARS = 65_536;

/** A streaming request on its way. */
export interface MeasuredExchange {
  /** Resolves when the answer, or its failure, is complete. Never rejects. */
  readonly done: Promise<Exchange>;
  /** The server has closed a connection that was kept for the next request just before this one went out on it. */
  wasConnectionStale(): boolean;
  /** Gives up on it: it becomes an exchange with reason "abort". */
  cancel(reason: Error): void;
}

/**
 * Sends a request and notes when its bytes went out and when each part of its answer came in.
 * @param request not sent yet
 * @param timeoutMs limit of the whole exchange
 * @param onFirstToken called when the first output arrives
 */
export function measureExchange(
  request: ClientRequest,
  body: string,
  timeoutMs: Ms,
  onFirstToken?: () => void,
): MeasuredExchange {
  const reader = new AnswerReader();
  const sentAtMs = performance.now();
  let response: IncomingMessage | undefined;
  let writtenAtMs: Ms | undefined;
  let isReset = false;
  const timer = setTimeout(() => {
    reader.fail("timeout", `no complete answer within ${timeoutMs} ms`);
    request.destroy();
  }, timeoutMs);
  const done = new Promise<Exchange>((resolve) => {
    request.on("socket", (socket) => {
      whenConnected(socket, () => {
        writtenAtMs = performance.now();
      });
    });
    request.on("response", (incoming) => {
      response = incoming;
      readResponse(incoming, reader, onFirstToken);
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      isReset = error.code === "ECONNRESET" || error.code === "EPIPE";
      reader.fail("disconnect", describeError(error));
    });
    request.on("close", () => {
      if (response && !response.complete) reader.fail("disconnect", "the connection broke in mid-answer");
      clearTimeout(timer);
      resolve(reader.finish(sentAtMs, writtenAtMs, performance.now()));
    });
  });
  request.end(body);
  return {
    done,
    wasConnectionStale: () => isReset && request.reusedSocket && response === undefined,
    cancel(reason) {
      reader.fail("abort", reason.message);
      request.destroy();
    },
  };
}

function readResponse(response: IncomingMessage, reader: AnswerReader, onFirstToken?: () => void): void {
  // What broke the answer off is told with the end of its request.
  response.on("error", () => {});
  const status = response.statusCode ?? 0;
  if (status >= 300) {
    let errorBody = "";
    response.on("data", (bytes: Buffer) => {
      if (errorBody.length < ERROR_BODY_CHARS) errorBody += bytes.toString("utf8");
    });
    const { location } = response.headers;
    response.on("end", () =>
      reader.refuse(status, location === undefined ? errorBody : `moved to ${location}`),
    );
    return;
  }
  let readAtMs: Ms | undefined;
  response.on("data", (bytes: Buffer) => {
    if (readAtMs === undefined) {
      // All data of one socket read is parsed before microtasks run: it gets one time.
      readAtMs = performance.now();
      queueMicrotask(() => {
        readAtMs = undefined;
      });
    }
    const isFirst = !reader.hasOutput;
    reader.push(bytes, readAtMs);
    if (isFirst && reader.hasOutput) onFirstToken?.();
  });
}

function whenConnected(socket: Socket, connected: () => void): void {
  if (!socket.connecting) connected();
  else socket.once("encrypted" in socket ? "secureConnect" : "connect", connected);
}

/** Where several addresses of a name were tried, the error names none of them: the first one's stands for all. */
function describeError(error: Error): string {
  const told = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const { code } = told as { code?: unknown };
  return typeof code === "string" ? `${code}: ${told.message}` : told.message;
}
