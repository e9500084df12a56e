import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { ExchangeLog } from "./exchange-log.js";
import type { Outcome } from "./exchange-records.js";
import { forwardHeaders } from "./forward-headers.js";
import type { UpstreamTarget } from "./upstream-target.js";

/**
 * Passes one exchange on, both ways, byte for byte and as it comes: a slow side slows the other, a client that goes
 * away takes its upstream request with it, an upstream that breaks off breaks the connection off too (a clean end would
 * pass a cut answer for a whole one), one that cannot be reached is a 502. The log is shown each piece after it was handed on.
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
  let outgoing: ClientRequest;
  try {
    outgoing = upstream.request({
      method: request.method ?? "GET",
      path: request.url ?? "/",
      headers: forwardHeaders(request.rawHeaders, upstream.host),
    });
  } catch (error) {
    // A path or header that the parser let through and the writer refuses.
    request.resume();
    sendError(response, 400, `tap: the request cannot be passed on: ${(error as Error).message}`);
    outcome = "abort";
    return end;
  }
  sent = outgoing;
  outgoing.on("response", (incoming) => passAnswer(incoming));
  let isConnected = false;
  outgoing.on("socket", (socket) => {
    isConnected = outgoing.reusedSocket;
    if (isConnected) return;
    socket.once("connect", () => {
      isConnected = true;
    });
  });
  outgoing.on("error", (error) => {
    // With an answer under way its own events tell how it ends: a server may answer and close before the whole body.
    if (response.headersSent || response.destroyed) return;
    outcome = "disconnect";
    request.unpipe(outgoing);
    request.resume();
    if (isConnected) {
      response.destroy();
      return;
    }
    sendError(response, 502, `tap: the upstream did not answer: ${error.message}`);
  });

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
    incoming.pipe(response);
    if (!log) return;
    log.responseStarted({
      status: incoming.statusCode ?? 502,
      contentEncoding: incoming.headers["content-encoding"],
    });
    incoming.on("data", (bytes: Buffer) => log.responseBytes(bytes));
  }

  return end;
}

function sendError(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ error: { message, type: "tap_error", code: status } });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
