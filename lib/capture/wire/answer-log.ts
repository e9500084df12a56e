import type { Ms } from "../../base/index.js";
import type { AnswerEvent, ServerUsage } from "./answer-event.js";
import { ChoiceLog } from "./choice-log.js";
import { JsonValues } from "./json-values.js";
import { readAnswerEvent } from "./read-answer-event.js";
import { mergeUsage } from "./server-usage.js";
import { SseParser } from "./sse-parser.js";
import { textError } from "./stream-error.js";

/** More choices than this in one answer are not looked at: no engine generates them. */
const MOST_CHOICES = 1024;

/**
 * Reads an answer as it comes: what was generated when, and what the server reports about it. Whether it is a stream of
 * server-sent events, of JSON lines, or one document is told by its first bytes: servers call each by any content type.
 */
export class AnswerLog {
  readonly choices = new Map<number, ChoiceLog>();
  usage: ServerUsage | undefined;
  promptTokenIds: readonly number[] | undefined;
  responseId: string | undefined;
  /** The first error that the server reported in a stream or document. */
  errorMessage: string | undefined;
  /** It said itself that nothing more comes. */
  isDone = false;
  /** It came in more than one piece, whose times mean something. Known at the end. */
  isStreamed = false;
  /** Events that nothing is known of, keep-alives left out. */
  unknownEvents = 0;
  readonly #keepsText: boolean;
  #sse: SseParser | undefined;
  #json: JsonValues | undefined;
  #held: { readonly event: AnswerEvent; readonly atMs: Ms } | undefined;

  /** @param keepsText keep the text of the answer, for who goes on with it */
  constructor(keepsText = false) {
    this.#keepsText = keepsText;
  }

  /** The choice that most answers have alone. */
  get first(): ChoiceLog | undefined {
    return this.choices.get(0);
  }

  /** Takes bytes, decompressed, that a socket read at `atMs` brought. */
  push(bytes: Buffer, atMs: Ms): void {
    if (!this.#sse && !this.#json && !this.#recognise(bytes)) return;
    this.#sse?.push(bytes, (data, name) => this.#event(data, name, atMs));
    this.#json?.push(bytes, (text) => this.#document(text, atMs));
  }

  /** The body has ended at `atMs`, whole. */
  end(atMs: Ms): void {
    this.#sse?.end((data, name) => this.#event(data, name, atMs));
    // One document alone: nobody saw when its tokens were generated.
    if (this.#held) this.#take(this.#held.event, undefined);
    this.#held = undefined;
  }

  /** White space and a byte order mark may stand before either. */
  #recognise(bytes: Buffer): boolean {
    for (const byte of bytes) {
      if (byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf) continue;
      if (byte === 0x7b || byte === 0x5b) this.#json = new JsonValues();
      else {
        this.#sse = new SseParser();
        this.isStreamed = true;
      }
      return true;
    }
    return false;
  }

  #event(data: string, name: string, atMs: Ms): void {
    const text = data.trim();
    if (text === "" || /^(ping|keep.?alive|heartbeat)$/i.test(text)) return;
    if (/^"?\[DONE\]"?$/.test(text)) {
      this.isDone = true;
      return;
    }
    const event = readAnswerEvent(parsed(text), name);
    if (event) this.#take(event, atMs);
    else {
      const error = name === "error" ? text.slice(0, 300) : textError(text);
      if (error !== undefined) this.errorMessage ??= error;
      else this.unknownEvents++;
    }
  }

  #document(text: string, atMs: Ms): void {
    const event = readAnswerEvent(parsed(text));
    if (!event) {
      this.unknownEvents++;
      return;
    }
    if (this.#held || this.isStreamed) {
      this.isStreamed = true;
      if (this.#held) this.#take(this.#held.event, this.#held.atMs);
      this.#held = undefined;
      this.#take(event, atMs);
    } else this.#held = { event, atMs };
  }

  #take(event: AnswerEvent, atMs: Ms | undefined): void {
    this.usage = mergeUsage(event.usage, this.usage);
    this.promptTokenIds ??= event.promptTokenIds;
    this.responseId ??= event.responseId;
    this.errorMessage ??= event.errorMessage;
    if (event.isEnd || (atMs === undefined && event.choices.length > 0)) this.isDone = true;
    for (const part of event.choices) {
      this.promptTokenIds ??= part.promptTokenIds;
      let choice = this.choices.get(part.index);
      if (!choice) {
        if (this.choices.size >= MOST_CHOICES) continue;
        choice = new ChoiceLog();
        this.choices.set(part.index, choice);
      }
      choice.add(part, atMs, this.#keepsText);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
