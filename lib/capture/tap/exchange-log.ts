import type { IncomingHttpHeaders } from "node:http";
import type { Ms } from "../../base/index.js";
import { bodyDecoder } from "./body-decoder.js";
import type { EndedExchange, Outcome } from "./exchange-records.js";
import { type CompletionRequest, completionRequest } from "./prompt-source.js";
import type { PromptTokens } from "./prompt-tokens.js";
import { type ResponseHead, ResponseLog } from "./response-log.js";

/** Bytes of a request beyond which it is forwarded unread. */
const LARGEST_REQUEST_BYTES = 64 * 1024 * 1024;

/** What one exchange needs from the tap around it. */
export interface ExchangeSurroundings {
  /** Milliseconds since the start of the capture. */
  readonly nowMs: () => Ms;
  /** Counts the request as in flight, and returns how many are, itself included. */
  readonly enter: () => number;
  readonly leave: () => void;
  /** The token ids of every prompt of a request. */
  readonly tokens: (
    request: CompletionRequest,
    headers: Readonly<Record<string, string>>,
  ) => Promise<readonly PromptTokens[]>;
  readonly write: (exchange: EndedExchange) => Promise<void>;
}

/**
 * Watches one completion exchange go by. It is told of everything after the bytes were passed on, and keeps the
 * reading of the prompt until the first byte of the answer, so that nothing stands between request and first token.
 */
export class ExchangeLog {
  readonly #surroundings: ExchangeSurroundings;
  readonly #headers: IncomingHttpHeaders;
  #body: Buffer[] | undefined = [];
  #bodyBytes = 0;
  #arrivalMs: Ms | undefined;
  #concurrency = 0;
  #prepared: Promise<{ request: CompletionRequest; tokens: readonly PromptTokens[] } | undefined> | undefined;
  #response: ResponseLog | undefined;

  constructor(surroundings: ExchangeSurroundings, headers: IncomingHttpHeaders) {
    this.#surroundings = surroundings;
    this.#headers = headers;
  }

  requestBytes(bytes: Buffer): void {
    this.#bodyBytes += bytes.length;
    if (this.#bodyBytes > LARGEST_REQUEST_BYTES) this.#body = undefined;
    this.#body?.push(bytes);
  }

  /** The request is whole: from here the server can work on it. */
  requestEnded(): void {
    this.#arrivalMs = this.#surroundings.nowMs();
    this.#concurrency = this.#surroundings.enter();
  }

  responseStarted(head: ResponseHead): void {
    this.#response = new ResponseLog(head);
  }

  responseBytes(bytes: Buffer): void {
    this.#response?.push(bytes, this.#surroundings.nowMs());
    this.#prepared ??= this.#prepare();
  }

  /** True when the server said that its answer is over, whoever closes the connection then. */
  get isDone(): boolean {
    return this.#response?.isDone ?? false;
  }

  /** The exchange is over; resolves when its record is written. A request that never was whole has none. */
  async ended(outcome: Outcome): Promise<void> {
    if (this.#arrivalMs === undefined) return;
    const endedMs = this.#surroundings.nowMs();
    this.#surroundings.leave();
    await this.#response?.end();
    this.#prepared ??= this.#prepare();
    const prepared = await this.#prepared;
    if (!prepared) return;
    await this.#surroundings.write({
      request: prepared.request,
      promptTokens: prepared.tokens,
      response: this.#response,
      outcome,
      arrivalMs: this.#arrivalMs,
      endedMs,
      concurrency: this.#concurrency,
    });
  }

  async #prepare() {
    const request = completionRequest(await this.#requestJson());
    if (!request) return undefined;
    const authorization = this.#headers.authorization;
    const tokens = await this.#surroundings.tokens(request, authorization ? { authorization } : {});
    return { request, tokens };
  }

  async #requestJson(): Promise<unknown> {
    const decoded: Buffer[] = [];
    const decoder = bodyDecoder(this.#headers["content-encoding"], (bytes) => decoded.push(bytes));
    for (const bytes of this.#body ?? []) decoder?.push(bytes);
    this.#body = undefined;
    await decoder?.end();
    try {
      return JSON.parse(Buffer.concat(decoded).toString("utf8")) as unknown;
    } catch {
      return undefined;
    }
  }
}
