import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { ExchangeLog } from "./exchange-log.js";
import type { Outcome } from "./exchange-records.js";
import { forwardHeaders } from "./forward-headers.js";
import type { UpstreamTarget } from "./upstream-target.js";

/** What a request meets on a connection that the other end has closed before it came. */
const CLOSED_MEANWHILE = new Set(["ECONNRESET", "EPIPE"]);
/** Bytes of a request that are kept until its answer begins, for sending it once more. */
const MOST_KEPT_BYTES = 1024 * 1024;

/** The body of a request as far as it has come. */
class KeptBody {
  readonly pieces: Buffer[] = [];
  #bytes = 0;

  /** Nothing of it is missing. */
  get isWhole(): boolean {
    return this.#bytes <= MOST_KEPT_BYTES;
  }

  add(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.isWhole) this.pieces.push(bytes);
    else this.pieces.length = 0;
  }

  /** It is not needed any more. */
  forget(): void {
    this.#bytes = Number.POSITIVE_INFINITY;
    this.pieces.length = 0;
  }
}

/**
 * Passes one exchange on, both ways, byte for byte and as it comes: a slow side slows the other, a client that goes
 * away takes its upstream request with it, an upstream that breaks off breaks the connection off too (a clean end would
 * pass a cut answer for a whole one), one that cannot be reached is a 502. A request that met a kept connection which the
 * upstream was just closing is sent once more, on a fresh one. The log is shown each piece after it was handed on.
 * @param log undefined for exchanges that are not recorded
 * @param onEnded called once
 * @returns ends it at once, if it has not ended, as if the client had gone away
 */
export function forwardExchange(options: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: UpstreamTarget;
  readonly log: ExchangeLog | undefined;
  readonly onEnded: (outcome: Outcome) => void;
}): () => void {
  const { request, response, upstream, log, onEnded } = options;
  let outcome: Outcome = "complete";
  let sent: ClientRequest | undefined;
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    if (!response.writableFinished && outcome === "complete") outcome = "abort";
    if (!response.writableFinished) sent?.destroy();
    onEnded(outcome);
  };
  response.once("close", end);
  const open = (isFresh: boolean): ClientRequest | undefined => {
    try {
      return upstream.request({
        method: request.method ?? "GET",
        path: request.url ?? "/",
        headers: forwardHeaders(request.rawHeaders, upstream.host),
        isFresh,
      });
    } catch (error) {
      // A path or header that the parser let through and the writer refuses.
      request.resume();
      sendError(response, 400, `tap: the request cannot be passed on: ${(error as Error).message}`);
      outcome = "abort";
      return undefined;
    }
  };
  const body = new KeptBody();
  const send = (outgoing: ClientRequest, isFresh: boolean) => {
    sent = outgoing;
    outgoing.on("response", (incoming) => {
      body.forget();
      passAnswer(incoming);
    });
    let isConnected = false;
    outgoing.on("socket", (socket) => {
      isConnected = outgoing.reusedSocket;
      if (isConnected) return;
      socket.once("connect", () => {
        isConnected = true;
      });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      // With an answer under way its own events tell how it ends: a server may answer and close before the whole body.
      if (response.headersSent || response.destroyed) return;
      request.unpipe(outgoing);
      const isClosedMeanwhile = outgoing.reusedSocket && CLOSED_MEANWHILE.has(error.code ?? "");
      const again = isClosedMeanwhile && !isFresh && body.isWhole ? open(true) : undefined;
      if (again) {
        for (const piece of body.pieces) again.write(piece);
        send(again, true);
        if (request.readableEnded) again.end();
        else request.pipe(again);
        return;
      }
      outcome = "disconnect";
      request.resume();
      if (isConnected) {
        response.destroy();
        return;
      }
      sendError(response, 502, `tap: the upstream did not answer: ${error.message}`);
    });
  };
  const outgoing = open(false);
  if (!outgoing) return end;
  send(outgoing, false);
  request.on("data", (bytes: Buffer) => body.add(bytes));
  request.pipe(outgoing);
  if (log) {
    request.on("data", (bytes: Buffer) => log.requestBytes(bytes));
    request.on("end", () => log.requestEnded());
  }

  function passAnswer(incoming: IncomingMessage): void {
    response.sendDate = false;
    response.writeHead(
      incoming.statusCode ?? 502,
      incoming.statusMessage,
      forwardHeaders(incoming.rawHeaders),
    );
    response.flushHeaders();
    incoming.on("end", () => {
      const { rawTrailers } = incoming;
      const trailers: [string, string][] = [];
      for (let i = 0; i < rawTrailers.length; i += 2) trailers.push([rawTrailers[i], rawTrailers[i + 1]]);
      if (trailers.length > 0) response.addTrailers(trailers);
    });
    incoming.on("close", () => {
      if (incoming.complete || response.destroyed) return;
      outcome = "disconnect";
      response.destroy();
    });
    if (response.chunkedEncoding) passChunks(incoming, response);
    else incoming.pipe(response);
    if (!log) return;
    log.responseStarted({
      status: incoming.statusCode ?? 502,
      contentEncoding: incoming.headers["content-encoding"],
    });
    incoming.on("data", (bytes: Buffer) => log.responseBytes(bytes));
  }

  return end;
}

/**
 * Passes a body on to a response with `Transfer-Encoding: chunked`, each piece as a chunk in one write, where Node's own
 * writer makes four: that shortens the way of the pieces behind it.
 */
function passChunks(incoming: IncomingMessage, response: ServerResponse): void {
  // What is written is framed already.
  response.chunkedEncoding = false;
  incoming.on("data", (bytes: Buffer) => {
    if (response.write(chunk(bytes))) return;
    incoming.pause();
    response.once("drain", () => incoming.resume());
  });
  incoming.on("end", () => {
    // The last chunk and the trailers are Node's.
    response.chunkedEncoding = true;
    response.end();
  });
}

/** A chunk of RFC 9112, section 7.1. */
function chunk(bytes: Buffer): Buffer {
  const size = `${bytes.length.toString(16)}\r\n`;
  const framed = Buffer.allocUnsafe(size.length + bytes.length + 2);
  framed.write(size, 0, "latin1");
  framed.set(bytes, size.length);
  framed.write("\r\n", size.length + bytes.length, "latin1");
  return framed;
}

function sendError(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ error: { message, type: "tap_error", code: status } });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
