import type { Ms } from "../../base/index.js";
import { AnswerLog } from "../wire/index.js";
import { bodyDecoder } from "./body-decoder.js";

/** The parts of a response's head that say how to read its body. */
export interface ResponseHead {
  readonly status: number;
  readonly contentEncoding: string | undefined;
}

/** Reads an answer from a copy of its bytes as they went by, compressed or not. */
export class ResponseLog {
  readonly head: ResponseHead;
  readonly answer = new AnswerLog();
  /** The body is compressed in a way that cannot be read here. */
  readonly isUnreadable: boolean;
  readonly #decoder: ReturnType<typeof bodyDecoder>;
  #readAtMs: Ms = 0;

  constructor(head: ResponseHead) {
    this.head = head;
    this.#decoder = bodyDecoder(head.contentEncoding, (bytes) => this.answer.push(bytes, this.#readAtMs));
    this.isUnreadable = this.#decoder === undefined;
  }

  /** Takes bytes that a socket read at `atMs` brought. */
  push(bytes: Buffer, atMs: Ms): Promise<void> | undefined {
    this.#readAtMs = atMs;
    return this.#decoder?.push(bytes);
  }

  /** Reads what is left once the body has ended, whole or not. */
  async end(): Promise<void> {
    await this.#decoder?.end();
    this.answer.end(this.#readAtMs);
  }
}
