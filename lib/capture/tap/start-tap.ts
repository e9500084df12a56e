import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Ms, requireInteger, type Tokens, WorkError } from "../../base/index.js";
import { ExchangeLog, type ExchangeSurroundings } from "./exchange-log.js";
import { forwardExchange } from "./forward-exchange.js";
import type { CompletionRequest } from "./prompt-source.js";
import { type PromptTokens, promptTokens } from "./prompt-tokens.js";
import { Recorder } from "./recorder.js";
import { type UpstreamFacts, upstreamFacts } from "./upstream-facts.js";
import { upstreamTarget } from "./upstream-target.js";

/** Settings of a recording proxy. */
export interface TapOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Base URL of the server whose traffic is recorded. */
  readonly upstream: string;
  /** Trace file; a path ending in `.gz` is compressed. Replaced if it exists. */
  readonly traceOut: string;
  /** Tokens a fingerprinted block. Default 16. */
  readonly blockSize?: Tokens;
  /** With a key, fingerprints are an HMAC that nobody without it can look prompts up in. */
  readonly fingerprintKey?: Uint8Array;
  /** Also writes token ids of prompts and answers. Default false: nothing of their content is written. */
  readonly recordTokens?: boolean;
  /** Time a client has to send a whole request. Default 300,000. */
  readonly requestTimeoutMs?: Ms;
  /** Told of records that could not be written; traffic goes on. */
  readonly onProblem?: (message: string) => void;
}

/** A running recording proxy. */
export interface Tap {
  /** Where it listens. */
  readonly url: string;
  /** Records written so far. */
  readonly recordCount: number;
  /** Requests under way. */
  readonly inFlight: number;
  /** Takes no new connections, gives requests `graceMs` to end, then cuts them, and ends the trace file. */
  close(graceMs?: Ms): Promise<void>;
}

/** Endpoints whose exchanges become records. */
const RECORDED_PATH = /\/v1\/(chat\/)?completions\/?(\?|$)/;

/**
 * Starts a recording reverse proxy in front of an OpenAI-compatible server. Everything is passed on unchanged but for
 * the headers of the connection itself; completions become trace records, one a request, each written when the
 * request ends. Prompts, answers and credentials are never written: of prompts it keeps chained block fingerprints.
 * @throws InputError for an upstream that is no URL; WorkError when it cannot listen or write
 */
export async function startTap(options: TapOptions): Promise<Tap> {
  const blockSize = requireInteger("tap", "blockSize", options.blockSize ?? 16, 1);
  const upstream = upstreamTarget(options.upstream);
  const startedAtMs = performance.now();
  const writing = new Set<Promise<void>>();
  let inFlight = 0;
  let facts: Promise<UpstreamFacts> | undefined;
  const learnFacts = (headers: Readonly<Record<string, string>> = {}) =>
    (facts ??= upstreamFacts(upstream.url, headers));

  const recorder = await Recorder.open({
    traceOut: options.traceOut,
    blockSize,
    recordTokens: options.recordTokens ?? false,
    ...(options.fingerprintKey && { fingerprintKey: options.fingerprintKey }),
    facts: learnFacts,
  });

  const surroundings: ExchangeSurroundings = {
    nowMs: () => performance.now() - startedAtMs,
    enter: () => ++inFlight,
    leave: () => {
      inFlight--;
    },
    tokens: async (request: CompletionRequest, headers) => {
      const known = await learnFacts(headers);
      const tokens: PromptTokens[] = [];
      for (const prompt of request.prompts)
        tokens.push(await promptTokens({ prompt, upstream: upstream.url, facts: known, headers }));
      return tokens;
    },
    write: (exchange) => recorder.write(exchange),
  };

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const isRecorded = request.method === "POST" && RECORDED_PATH.test(request.url ?? "");
    const log = isRecorded ? new ExchangeLog(surroundings, request.headers) : undefined;
    forwardExchange({
      request,
      response,
      upstream,
      log,
      onEnded: (outcome) => {
        if (!log) return;
        const written = log
          .ended(outcome)
          .catch((error: Error) => options.onProblem?.(`tap: a request was not recorded: ${error.message}`))
          .finally(() => writing.delete(written));
        writing.add(written);
      },
    });
  }

  const server = createServer(
    { noDelay: true, requestTimeout: options.requestTimeoutMs ?? 300_000, keepAliveTimeout: 75_000 },
    handle,
  );
  await listen(server, options.host, options.port);
  const address = server.address() as AddressInfo;
  const shownHost = address.family === "IPv6" ? `[${address.address}]` : address.address;

  return {
    url: `http://${shownHost}:${address.port}`,
    get recordCount() {
      return recorder.recordCount;
    },
    get inFlight() {
      return inFlight;
    },
    async close(graceMs = 5_000) {
      await stop(server, graceMs);
      await Promise.all(writing);
      await recorder.close();
      upstream.close();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new WorkError(`tap: cannot listen on ${host}:${port} (${error.code ?? error.message})`)),
    );
    server.listen(port, host, resolve);
  });
}

function stop(server: Server, graceMs: Ms): Promise<void> {
  return new Promise((resolve) => {
    // A connection that served a request until just now is kept alive by its client: it becomes idle only then.
    const sweep = setInterval(() => server.closeIdleConnections(), 20);
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(cut);
      resolve();
    });
  });
}
