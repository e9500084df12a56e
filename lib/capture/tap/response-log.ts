import type { Ms } from "../../base/index.js";
import { SseParser } from "../loadgen/sse-parser.js";
import { type CompletionEvent, type CompletionUsage, completionEvent } from "../wire/index.js";
import { bodyDecoder } from "./body-decoder.js";
import { ChoiceLog } from "./choice-log.js";

/** Bytes of an answer that is not streamed, beyond which it is no longer looked at. */
const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;

/** The parts of a response's head that say how to read its body. */
export interface ResponseHead {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

/** Reads a completion response from a copy of its bytes: what arrived when, and what the server reports about it. */
export class ResponseLog {
  readonly head: ResponseHead;
  readonly choices = new Map<number, ChoiceLog>();
  usage: CompletionUsage | undefined;
  promptTokenIds: readonly number[] | undefined;
  /** The stream had its `[DONE]`, or the answer was whole. */
  isDone = false;
  /** The body is compressed in a way that cannot be read here. */
  readonly isUnreadable: boolean;
  readonly #isStream: boolean;
  readonly #sse = new SseParser();
  readonly #decoder: ReturnType<typeof bodyDecoder>;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #readAtMs: Ms = 0;

  constructor(head: ResponseHead) {
    this.head = head;
    this.#isStream = /^text\/event-stream\b/i.test(head.contentType ?? "");
    this.#decoder = bodyDecoder(head.contentEncoding, (bytes) => this.#take(bytes));
    this.isUnreadable = this.#decoder === undefined;
  }

  get isStream(): boolean {
    return this.#isStream;
  }

  /** Takes bytes that a socket read at `atMs` brought. */
  push(bytes: Buffer, atMs: Ms): Promise<void> | undefined {
    this.#readAtMs = atMs;
    return this.#decoder?.push(bytes);
  }

  /** Reads what is left once the body has ended, whole or not. */
  async end(): Promise<void> {
    await this.#decoder?.end();
    if (this.#isStream || this.#bodyBytes === 0) return;
    const event = completionEvent(Buffer.concat(this.#body).toString("utf8"));
    this.#body = [];
    if (!event) return;
    this.#note(event);
    this.isDone = event.choices.length > 0;
  }

  #take(bytes: Buffer): void {
    if (this.#isStream) {
      this.#sse.push(bytes, (data) => this.#event(data));
      return;
    }
    this.#bodyBytes += bytes.length;
    if (this.#bodyBytes <= LARGEST_ANSWER_BYTES) this.#body.push(bytes);
    else this.#body = [];
  }

  #event(data: string): void {
    if (data === "[DONE]") {
      this.isDone = true;
      return;
    }
    const event = completionEvent(data);
    if (!event) return;
    this.#note(event);
    for (const delta of event.choices) {
      const tokens = delta.tokenIds?.length ?? (delta.hasText ? 1 : 0);
      this.#choice(delta.index).add(tokens, delta.tokenIds, this.#readAtMs);
    }
  }

  #note(event: CompletionEvent): void {
    if (event.usage) this.usage = event.usage;
    this.promptTokenIds ??= event.promptTokenIds;
    for (const delta of event.choices) {
      const choice = this.#choice(delta.index);
      this.promptTokenIds ??= delta.promptTokenIds;
      if (delta.finishReason !== undefined) choice.finishReason = delta.finishReason;
      if (!this.#isStream) choice.tokenIds = delta.tokenIds && [...delta.tokenIds];
    }
    if (event.errorMessage !== undefined) this.#choice(0).finishReason = "error";
  }

  #choice(index: number): ChoiceLog {
    let choice = this.choices.get(index);
    if (!choice) {
      choice = new ChoiceLog();
      this.choices.set(index, choice);
    }
    return choice;
  }
}
