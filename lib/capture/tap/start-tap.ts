import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Ms, requireInteger, type Tokens, WorkError } from "../../base/index.js";
import { type JsonValue, metaFromJson } from "../../trace/index.js";
import {
  type EngineWatch,
  type OpenWatch,
  threadWatch,
  type WatchCounts,
  watchEngine,
} from "../engine-view/index.js";
import { completionEndpoint } from "../wire/index.js";
import { requireContinuable } from "./continuable-trace.js";
import { ExchangeLog, type ExchangeSurroundings } from "./exchange-log.js";
import type { Outcome } from "./exchange-records.js";
import type { OpenSink, RecordNotes } from "./exchange-sink.js";
import { openFileTokenizer } from "./file-tokenizer.js";
import { forwardExchange } from "./forward-exchange.js";
import { HeldBytes } from "./held-bytes.js";
import type { TimedLoss } from "./loss-teller.js";
import { PassedPaths } from "./passed-paths.js";
import { threadSink } from "./thread-sink.js";
import { upstreamTarget } from "./upstream-target.js";

/** Settings of a recording proxy. */
export interface TapOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Base URL of the server whose traffic is recorded. */
  readonly upstream: string;
  /**
   * Trace file; a path ending in `.gz` is compressed. A tap's trace that is there is continued, if it has the same block
   * size and key; anything else that is there is refused.
   */
  readonly traceOut: string;
  /** Replaces a trace that is there. Default false. */
  readonly force?: boolean;
  /** Tokens a fingerprinted block. Default 16. */
  readonly blockSize?: Tokens;
  /**
   * With a key, fingerprints are an HMAC that nobody without it can look prompts up in. Without one, whoever has the trace
   * can guess prompts block by block.
   */
  readonly fingerprintKey?: Uint8Array;
  /** Also writes token ids of prompts and answers. Default false: nothing of their content is written. */
  readonly recordTokens?: boolean;
  /**
   * Further facts for the trace's meta line, by their wire names, such as engine settings that the server does not tell.
   * They go before what it tells.
   */
  readonly meta?: Readonly<Record<string, JsonValue>>;
  /**
   * The engine's metrics page, looked at every few seconds; its counters are written beside the trace. Default: the
   * upstream's `/metrics`, if it has one. False: none.
   */
  readonly metrics?: string | false;
  /** Where the engine publishes its KV events, recorded beside the trace: `ipc://PATH` or `tcp://HOST:PORT`. */
  readonly kvEvents?: string;
  /**
   * A tokenizer.json, for servers whose own tokenizer cannot be asked. For chats it takes the chat template in the
   * tokenizer_config.json (or chat_template.jinja) beside it.
   */
  readonly tokenizerFile?: string;
  /** Time a client has to send a whole request. Default 300,000. */
  readonly requestTimeoutMs?: Ms;
  /**
   * Told of each request that lost a prefix, within seconds of its end: the lost parts and their causes, as
   * `prefixlab/explain` defines them, without any text. Default: requests are not explained.
   */
  readonly onLoss?: (loss: TimedLoss) => void;
  /** Told what is not recorded, and why, when that begins or changes; traffic goes on. */
  readonly onProblem?: (message: string) => void;
}

/** A running recording proxy. */
export interface Tap {
  /** Where it listens. */
  readonly url: string;
  /** Records written so far. */
  readonly recordCount: number;
  /** Records of earlier recordings in the file. */
  readonly recordsBefore: number;
  /** Records that should be in the file and are not: the disk did not take them, or the recording thread ended. */
  readonly lostCount: number;
  /** Requests under way. */
  readonly inFlight: number;
  /** What was seen of the engine itself; complete once the tap is closed. Undefined: it is not watched. */
  readonly engineView: WatchCounts | undefined;
  /** Requests that brought something to the server and are no completions of a known API, by path. */
  readonly passedPaths: PassedPaths;
  /** Completions that passed unrecorded, and records without block hashes, by reason. */
  readonly notes: RecordNotes;
  /**
   * Takes no new connections, gives requests `graceMs` to end, then cuts them, and ends the trace file. What was cut is
   * recorded as an abort.
   */
  close(graceMs?: Ms): Promise<void>;
}

/**
 * Starts a recording reverse proxy in front of an OpenAI-compatible server. Everything is passed on unchanged but for
 * the headers of the connection itself; completions become trace records, one a request, each written when the
 * request ends. Prompts, answers and credentials are never written: of prompts it keeps chained block fingerprints.
 * @param openSink what reads and writes what was seen; by default a thread of its own
 * @param openWatch what watches the engine beside the traffic; by default a thread of its own
 * @throws InputError for an upstream that is no URL, a tokenizer file that is none, or a file that this recording cannot
 * go on with
 * @throws WorkError when it cannot listen or write
 */
export async function startTap(
  options: TapOptions,
  openSink: OpenSink = threadSink,
  openWatch: OpenWatch = openSink === threadSink ? threadWatch : watchEngine,
): Promise<Tap> {
  const blockSize = requireInteger("tap", "blockSize", options.blockSize ?? 16, 1);
  const upstream = upstreamTarget(options.upstream);
  if (options.meta) metaFromJson(options.meta);
  // Said before anything is begun; the thread that records reads it itself.
  if (options.tokenizerFile !== undefined) await openFileTokenizer(options.tokenizerFile);
  const requestTimeoutMs = requireInteger("tap", "requestTimeoutMs", options.requestTimeoutMs ?? 300_000, 1);
  const server = createServer({
    noDelay: true,
    requestTimeout: requestTimeoutMs,
    // Node takes the longer of the two for the body.
    headersTimeout: Math.min(requestTimeoutMs, 60_000),
    // Node looks for requests over their time every 30 s unless told otherwise.
    connectionsCheckingInterval: Math.min(requestTimeoutMs, 5_000),
    keepAliveTimeout: 75_000,
  });
  const kind = { blockSize, fingerprintKey: options.fingerprintKey };
  await requireContinuable(options.traceOut, kind, options.force ?? false);
  const watch = await openEngineWatch(options, upstream.rootUrl, openWatch);
  await listen(server, options.host, options.port).catch(async (error: unknown) => {
    await watch?.close();
    throw error;
  });
  const held = new HeldBytes();
  // A sink holds a thread, which keeps the process alive: none for a tap that cannot listen. Nothing comes in before
  // this turn of the event loop is over.
  const sink = openSink(
    {
      upstream: upstream.rootUrl,
      traceOut: options.traceOut,
      ...kind,
      isForced: options.force ?? false,
      startedAtMs: Date.now(),
      recordTokens: options.recordTokens ?? false,
      ...(options.meta && { meta: options.meta }),
      ...(options.tokenizerFile !== undefined && { tokenizerFile: options.tokenizerFile }),
      explains: options.onLoss !== undefined,
    },
    {
      onProblem: options.onProblem ?? (() => {}),
      ...(options.onLoss && { onLoss: options.onLoss }),
      onSettled: (ids) => {
        for (const id of ids) held.release(id);
      },
    },
  );
  const startedAtMs = performance.now();
  let inFlight = 0;
  let nextId = 0;
  const surroundings: ExchangeSurroundings = {
    sink,
    held,
    nowMs: () => performance.now() - startedAtMs,
    enter: () => ++inFlight,
    leave: () => {
      inFlight--;
    },
  };
  const underWay = new Set<() => void>();
  const passedPaths = new PassedPaths((path) =>
    options.onProblem?.(
      `tap: a request passed unrecorded: ${unknownApi(path)}; more of its kind are counted`,
    ),
  );
  const passed = () =>
    Object.fromEntries(passedPaths.doubtful.map(([path, count]) => [unknownApi(path), count]));
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    unused.delete(request.socket);
    const target = request.url ?? "/";
    const isPost = request.method === "POST";
    const isRecorded = isPost && completionEndpoint(target) !== undefined;
    if (isPost && !isRecorded) passedPaths.add(target);
    const log = isRecorded ? new ExchangeLog(nextId++, surroundings, request.headers, target) : undefined;
    const onEnded = (outcome: Outcome) => {
      underWay.delete(end);
      log?.ended(outcome);
    };
    const end = forwardExchange({ request, response, upstream, log, onEnded });
    underWay.add(end);
  });
  const opened = await sink.opened.catch(async (error: unknown) => {
    await watch?.close();
    await stop(server, 0);
    upstream.close();
    throw error;
  });
  watch?.begin({
    unixMs: performance.timeOrigin + startedAtMs - opened.offsetMs,
    isContinued: opened.recordsBefore > 0,
  });
  const address = server.address() as AddressInfo;
  const shownHost = address.family === "IPv6" ? `[${address.address}]` : address.address;

  return {
    url: `http://${shownHost}:${address.port}`,
    get recordCount() {
      return sink.recordCount;
    },
    recordsBefore: opened.recordsBefore,
    get lostCount() {
      return sink.lostCount;
    },
    passedPaths,
    get notes() {
      const { unrecorded, withoutHashes } = sink.notes;
      return { unrecorded: { ...unrecorded, ...passed() }, withoutHashes };
    },
    get inFlight() {
      return inFlight;
    },
    get engineView() {
      return watch?.counts;
    },
    async close(graceMs = 5_000) {
      // What has sent nothing yet is no request to wait for, and none of the server's idle connections either.
      for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
      await stop(server, graceMs);
      // The server is through before the exchanges on the connections that it cut have heard of it.
      for (const end of underWay) end();
      await Promise.all([sink.close(passed()), watch?.close()]);
      upstream.close();
    },
  };
}

function unknownApi(path: string): string {
  return `POST ${path} is of no API that is recorded`;
}

/** Undefined when nothing of the engine is to be watched. */
async function openEngineWatch(
  options: TapOptions,
  upstreamUrl: string,
  openWatch: OpenWatch,
): Promise<EngineWatch | undefined> {
  const { metrics, kvEvents, traceOut, blockSize = 16, fingerprintKey, onProblem = () => {} } = options;
  if (metrics === false && kvEvents === undefined) return undefined;
  return openWatch(
    {
      traceOut,
      blockSize,
      fingerprintKey,
      kvEvents,
      metricsUrl: metrics === false ? undefined : (metrics ?? `${upstreamUrl}/metrics`),
      needsMetrics: typeof metrics === "string",
    },
    (message) => onProblem(`tap: ${message}`),
  );
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
