import type { IncomingHttpHeaders } from "node:http";
import type { Ms } from "../../base/index.js";
import type { Outcome } from "./exchange-records.js";
import type { ExchangeSink } from "./exchange-sink.js";
import { GrownBytes } from "./grown-bytes.js";
import type { HeldBytes } from "./held-bytes.js";
import { credentialHeaders, namingHeaders } from "./request-headers.js";
import type { ResponseHead } from "./response-log.js";

const MEBIBYTE = 1024 * 1024;
/** Bytes of a body beyond which an exchange is forwarded and not recorded. */
const LARGEST_BODY_BYTES = 32 * MEBIBYTE;

/** What one exchange needs from the tap around it. */
export interface ExchangeSurroundings {
  readonly sink: ExchangeSink;
  /** Bounds what is kept of all exchanges together. */
  readonly held: HeldBytes;
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
  readonly #request = new GrownBytes(LARGEST_BODY_BYTES);
  readonly #answer = new GrownBytes(LARGEST_BODY_BYTES);
  readonly #readEnds: number[] = [];
  readonly #readAtMs: Ms[] = [];
  #arrivalMs: Ms | undefined;
  #concurrency = 0;
  #head: ResponseHead | undefined;
  #isRequestSent = false;
  #isOver = false;
  /** Why it will not be recorded. */
  #passes: string | undefined;

  /** @param target path and query of the request */
  constructor(id: number, around: ExchangeSurroundings, headers: IncomingHttpHeaders, target: string) {
    this.#id = id;
    this.#target = target;
    this.#around = around;
    this.#headers = headers;
  }

  requestBytes(bytes: Buffer): void {
    this.#keep(this.#request, bytes, "a request body");
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
    if (!this.#keep(this.#answer, bytes, "an answer")) return;
    this.#readEnds.push(this.#answer.length);
    this.#readAtMs.push(atMs);
    this.#sendRequest();
  }

  /** The exchange is over. A request that never was whole leaves no record. */
  ended(outcome: Outcome): void {
    this.#isOver = true;
    if (this.#arrivalMs === undefined) {
      this.#around.held.release(this.#id);
      return;
    }
    const endedMs = this.#around.nowMs();
    this.#around.leave();
    if (this.#passes !== undefined) {
      this.#around.sink.pass(this.#id, this.#passes);
      return;
    }
    this.#sendRequest();
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

  /** Keeps a piece of a body as far as there is room for it; false when the exchange passes unrecorded. */
  #keep(kept: GrownBytes, bytes: Buffer, what: string): boolean {
    if (this.#passes !== undefined) return false;
    if (kept.length + bytes.length > LARGEST_BODY_BYTES)
      this.#passes = `${what} of more than ${LARGEST_BODY_BYTES / MEBIBYTE} MiB`;
    else if (!this.#around.held.take(this.#id, bytes.length))
      this.#passes = "more bytes wait to be recorded than memory is granted for";
    if (this.#passes === undefined) {
      kept.add(bytes);
      return true;
    }
    this.#request.clear();
    this.#answer.clear();
    // What the sink has of it is given back by the sink.
    if (!this.#isRequestSent) this.#around.held.release(this.#id);
    return false;
  }

  #sendRequest(): void {
    if (this.#isRequestSent || this.#arrivalMs === undefined) return;
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
