import http from "node:http";
import https from "node:https";
import { text as bodyText } from "node:stream/consumers";
import { InputError, type Ms } from "../../base/index.js";
import { basePath, type Endpoint, endpointHeaders } from "./endpoint.js";
import type { Exchange } from "./exchange.js";
import { measureExchange } from "./measure-exchange.js";

/** Where and how requests are sent. */
export interface ApiClientOptions {
  /** Base address of the server, with or without a trailing `/v1`. */
  readonly url: string;
  /** Whose headers go with requests. */
  readonly endpoint: Endpoint;
  /** Sent as a bearer token, and as the endpoint's API has it; never written anywhere. */
  readonly apiKey?: string;
  /** Time limit of a whole request. */
  readonly timeoutMs: Ms;
}

/** Idle connections are kept for less time than servers keep them, so that none is lost to a request. */
const KEEP_IDLE_MS: Ms = 2_000;
/** Limit of a request outside the measured load. */
const SIDE_REQUEST_MS: Ms = 10_000;

/**
 * A client of one server that measures. Connections are unlimited, so that no request waits for
 * another's to finish. Node's own HTTP client, because it writes a request in the turn of the event loop that sends it;
 * undici checks a reused connection for one turn first, and a turn may be a garbage collection long.
 */
export class ApiClient {
  readonly #http: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #base: URL;
  readonly #basePath: string;
  readonly #options: ApiClientOptions;
  readonly #inFlight = new Set<(reason: Error) => void>();

  /** @throws InputError when `url` is no http or https address */
  constructor(options: ApiClientOptions) {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
    if (!url || !/^https?:$/.test(url.protocol))
      throw new InputError(`runLoadgen: url must be an http(s) address, got ${JSON.stringify(options.url)}`);
    this.#base = url;
    this.#basePath = basePath(url.pathname);
    this.#http = url.protocol === "https:" ? https : http;
    this.#agent = new this.#http.Agent({
      keepAlive: true,
      maxFreeSockets: Number.POSITIVE_INFINITY,
      timeout: KEEP_IDLE_MS,
    });
    this.#options = options;
  }

  /**
   * Sends one streaming request, whose body is ready, and resolves when its answer, or its failure, is complete. Never
   * rejects. One that went out on a kept connection which the server was closing is sent again, on a fresh one.
   * @param onFirstToken called when the first output arrives
   */
  async sendBody(path: string, body: string, onFirstToken?: () => void): Promise<Exchange> {
    for (let isFresh = false; ; isFresh = true) {
      const request = this.#request("POST", path, body, { isFresh });
      const measured = measureExchange(request, body, this.#options.timeoutMs, onFirstToken);
      this.#inFlight.add(measured.cancel);
      const exchange = await measured.done;
      this.#inFlight.delete(measured.cancel);
      // Some servers (llama.cpp's) promise to keep a connection and close it after each stream: no request was lost.
      if (isFresh || exchange.failure?.reason !== "disconnect" || !measured.wasConnectionStale())
        return exchange;
    }
  }

  /** Gives up on every request in flight; each becomes an exchange with reason "abort". */
  abortAll(message: string): void {
    for (const cancel of this.#inFlight) cancel(new Error(message));
  }

  /** One small JSON request outside the measured load; undefined when the server does not answer it with JSON. */
  async json(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    const text = await this.text(method, path, body);
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  /** One small request outside the measured load; undefined when the server does not answer it with success. */
  async text(method: "GET" | "POST", path: string, body?: unknown): Promise<string | undefined> {
    const json = body === undefined ? undefined : JSON.stringify(body);
    const request = this.#request(method, path, json, {
      isFresh: true,
      signal: AbortSignal.timeout(SIDE_REQUEST_MS),
    });
    try {
      const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
        request.on("response", resolve).on("error", reject).end(json);
      });
      const text = await bodyText(response);
      return (response.statusCode ?? 0) < 300 ? text : undefined;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
    { isFresh, signal }: { readonly isFresh: boolean; readonly signal?: AbortSignal },
  ): http.ClientRequest {
    return this.#http.request(this.#base, {
      // Without an agent a connection serves one request.
      agent: isFresh ? false : this.#agent,
      path: `${this.#basePath}${path}`,
      method,
      // The agent's limit is for idle connections.
      timeout: 0,
      headers: {
        accept: "text/event-stream, application/json",
        ...(body !== undefined && {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        }),
        ...endpointHeaders(this.#options.endpoint, this.#options.apiKey),
      },
      ...(signal && { signal }),
    });
  }
}
