import type { IncomingHttpHeaders } from "node:http";
import type { Ms } from "../../base/index.js";
import type { Outcome } from "./exchange-records.js";
import type { ExchangeSink } from "./exchange-sink.js";
import { credentialHeaders, namingHeaders } from "./request-headers.js";
import type { ResponseHead } from "./response-log.js";

/** Bytes of a body beyond which an exchange is forwarded and not recorded. */
const LARGEST_BODY_BYTES = 256 * 1024 * 1024;

/** What one exchange needs from the tap around it. */
export interface ExchangeSurroundings {
  readonly sink: ExchangeSink;
  /** Milliseconds since the start of the capture. */
  readonly nowMs: () => Ms;
  /** Counts the request as in flight, and returns how many are, itself included. */
  readonly enter: () => number;
  readonly leave: () => void;
}

/**
 * Watches one completion exchange go by: keeps its bytes and when they came, and hands them to the sink. It is told of
 * everything after the bytes were passed on, and reads nothing itself, so that it delays nobody.
 */
export class ExchangeLog {
  readonly #id: number;
  readonly #around: ExchangeSurroundings;
  readonly #headers: IncomingHttpHeaders;
  readonly #target: string;
  readonly #request = new Pieces();
  readonly #answer = new Pieces();
  readonly #readEnds: number[] = [];
  readonly #readAtMs: Ms[] = [];
  #arrivalMs: Ms | undefined;
  #concurrency = 0;
  #head: ResponseHead | undefined;
  #isRequestSent = false;
  #isOver = false;

  /** @param target path and query of the request */
  constructor(id: number, around: ExchangeSurroundings, headers: IncomingHttpHeaders, target: string) {
    this.#id = id;
    this.#target = target;
    this.#around = around;
    this.#headers = headers;
  }

  requestBytes(bytes: Buffer): void {
    this.#request.add(bytes);
  }

  /** The request is whole: from here the server can work on it. */
  requestEnded(): void {
    // An upstream may refuse a request, and the exchange end, before its body has come.
    if (this.#isOver) return;
    this.#arrivalMs = this.#around.nowMs();
    this.#concurrency = this.#around.enter();
  }

  responseStarted(head: ResponseHead): void {
    this.#head = head;
  }

  responseBytes(bytes: Buffer): void {
    const atMs = this.#around.nowMs();
    this.#answer.add(bytes);
    this.#readEnds.push(this.#answer.length);
    this.#readAtMs.push(atMs);
    this.#sendRequest();
  }

  /** The exchange is over. A request that never was whole leaves no record. */
  ended(outcome: Outcome): void {
    this.#isOver = true;
    if (this.#arrivalMs === undefined) return;
    const endedMs = this.#around.nowMs();
    this.#around.leave();
    this.#sendRequest();
    if (this.#request.isTooLong || this.#answer.isTooLong) return;
    this.#around.sink.answer(this.#id, {
      head: this.#head,
      body: this.#answer.take(),
      readEnds: Float64Array.from(this.#readEnds),
      readAtMs: Float64Array.from(this.#readAtMs),
      outcome,
      arrivalMs: this.#arrivalMs,
      endedMs,
      concurrency: this.#concurrency,
    });
  }

  #sendRequest(): void {
    if (this.#isRequestSent || this.#arrivalMs === undefined || this.#request.isTooLong) return;
    this.#isRequestSent = true;
    this.#around.sink.request(this.#id, {
      body: this.#request.take(),
      contentEncoding: this.#headers["content-encoding"],
      target: this.#target,
      credentials: credentialHeaders(this.#headers),
      named: namingHeaders(this.#headers),
    });
  }
}

/** Bytes that came in pieces. */
class Pieces {
  length = 0;
  #pieces: Buffer[] = [];

  get isTooLong(): boolean {
    return this.length > LARGEST_BODY_BYTES;
  }

  add(bytes: Buffer): void {
    this.length += bytes.length;
    if (this.isTooLong) this.#pieces = [];
    else this.#pieces.push(bytes);
  }

  /** All of them in one piece of memory of its own, so that it can be handed to another thread. */
  take(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    return whole;
  }
}
