import { Agent, type Dispatcher } from "undici";
import { InputError, type Ms, type Tokens } from "../../base/index.js";
import { AnswerReader } from "./answer-reader.js";
import type { Exchange } from "./exchange.js";
import type { Prompt } from "./prompt.js";
import { requestBody, type SamplingOptions } from "./request-body.js";

/** Where and how requests are sent. */
export interface ApiClientOptions {
  /** Base address of the server, with or without a trailing `/v1`. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token; never written anywhere. */
  readonly apiKey?: string;
  readonly sampling: SamplingOptions;
  /** Time limit of a whole request. */
  readonly timeoutMs: Ms;
}

/** How much of an error body is read: enough for its message. */
const ERROR_BODY_BYTES = 4096;

/**
 * A client of one OpenAI-compatible server that measures. Connections are unlimited, so that no request waits for
 * another's to finish; idle ones are reused for two seconds, less than servers keep them.
 */
export class ApiClient {
  readonly #agent = new Agent({
    connections: null,
    pipelining: 1,
    keepAliveTimeout: 2_000,
    keepAliveMaxTimeout: 2_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 30_000 },
  });
  readonly #origin: string;
  readonly #basePath: string;
  readonly #options: ApiClientOptions;
  readonly #inFlight = new Set<(reason: Error) => void>();

  /** @throws InputError when `url` is no http or https address */
  constructor(options: ApiClientOptions) {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
    if (!url || !/^https?:$/.test(url.protocol))
      throw new InputError(`runLoadgen: url must be an http(s) address, got ${JSON.stringify(options.url)}`);
    this.#origin = url.origin;
    this.#basePath = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
    this.#options = options;
  }

  /** Sends one streaming request and resolves when its answer, or its failure, is complete. Never rejects. */
  send(prompt: Prompt, outputTokens: Tokens): Promise<Exchange> {
    return this.sendBody(
      prompt.kind === "messages" ? "/v1/chat/completions" : "/v1/completions",
      requestBody(this.#options.model, prompt, outputTokens, this.#options.sampling),
    );
  }

  /**
   * As {@link send}, with a body that is ready: what open-loop senders use, which prepare it ahead of time.
   * @param onFirstToken called when the first output arrives
   */
  sendBody(path: string, body: string, onFirstToken?: () => void): Promise<Exchange> {
    return new Promise((resolve) => {
      const reader = new AnswerReader();
      const sentAtMs = performance.now();
      let writtenAtMs: Ms | undefined;
      let readAtMs: Ms | undefined;
      let statusCode = 0;
      let errorBody = "";
      let abort: ((reason: Error) => void) | undefined;
      let stopped: Error | undefined;
      const stop = (reason: Error) => {
        stopped = reason;
        if (abort) abort(reason);
        else settle();
      };
      const timer = setTimeout(() => {
        reader.fail("timeout", `no complete answer within ${this.#options.timeoutMs} ms`);
        stop(new Error("timeout"));
      }, this.#options.timeoutMs);
      let settled = false;
      const settle = () => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        this.#inFlight.delete(cancel);
        resolve(reader.finish(sentAtMs, writtenAtMs, performance.now()));
      };
      const cancel = (reason: Error) => {
        reader.fail("abort", reason.message);
        stop(reason);
      };
      this.#inFlight.add(cancel);
      this.#agent.dispatch(this.#dispatchOptions(path, "POST", body), {
        onRequestStart: (controller) => {
          abort = (reason) => controller.abort(reason);
          if (stopped) return controller.abort(stopped);
          writtenAtMs = performance.now();
        },
        onResponseStart: (_controller, status) => {
          statusCode = status;
        },
        onResponseData: (_controller, bytes) => {
          if (statusCode >= 300) {
            if (errorBody.length < ERROR_BODY_BYTES) errorBody += bytes.toString("utf8");
            return;
          }
          if (readAtMs === undefined) {
            // All data of one socket read is parsed before microtasks run: it gets one time.
            readAtMs = performance.now();
            queueMicrotask(() => {
              readAtMs = undefined;
            });
          }
          const before = reader.chunkAtMs.length;
          reader.push(bytes, readAtMs);
          if (before === 0 && reader.chunkAtMs.length > 0) onFirstToken?.();
        },
        onResponseEnd: () => {
          if (statusCode >= 300) reader.fail("error", `HTTP ${statusCode}: ${errorBodyText(errorBody)}`);
          settle();
        },
        onResponseError: (_controller, error) => {
          reader.fail("disconnect", describeError(error));
          settle();
        },
      });
    });
  }

  /** Gives up on every request in flight; each becomes an exchange with reason "abort". */
  abortAll(message: string): void {
    for (const cancel of [...this.#inFlight]) cancel(new Error(message));
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
    try {
      const response = await this.#agent.request({
        ...this.#dispatchOptions(path, method, body === undefined ? undefined : JSON.stringify(body)),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.body.text();
      return response.statusCode < 300 ? text : undefined;
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #dispatchOptions(
    path: string,
    method: "GET" | "POST",
    body: string | undefined,
  ): Dispatcher.DispatchOptions & { origin: string } {
    return {
      origin: this.#origin,
      path: `${this.#basePath}${path}`,
      method,
      headers: {
        accept: "text/event-stream, application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(this.#options.apiKey !== undefined && { authorization: `Bearer ${this.#options.apiKey}` }),
      },
      ...(body !== undefined && { body }),
    };
  }
}

function errorBodyText(body: string): string {
  try {
    const parsed = JSON.parse(body) as { error?: unknown };
    return errorText(parsed?.error ?? parsed);
  } catch {
    return body.slice(0, 300);
  }
}

function describeError(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? `${code}: ${error.message}` : error.message;
}

/** The message inside an error body, whatever its shape. */
function errorText(error: unknown): string {
  const inner = (error as { message?: unknown } | null)?.message;
  const text = typeof inner === "string" ? inner : typeof error === "string" ? error : JSON.stringify(error);
  return (text ?? "unknown error").slice(0, 300);
}
