import { asObject, type JsonObject } from "../../base/index.js";
import { asArray, asText, type ChatMessage, itemMessages } from "../wire/index.js";

/** Responses that are remembered, and the bytes of their requests and answers together. */
const MOST_RESPONSES = 1024;
const MOST_BYTES = 64 * 1024 * 1024;

/** A response that a later request can follow by its id. */
export interface RememberedResponse {
  /** The conversation up to its answer. */
  readonly messages: readonly ChatMessage[];
  /** Of its record. */
  readonly requestId: string;
  readonly session: string | undefined;
  readonly turn: number | undefined;
}

/**
 * What servers of OpenAI's `/v1/responses` remember between requests, as far as it passed by: the conversation behind a
 * `previous_response_id`. Bounded in number and bytes, oldest forgotten first.
 */
export class Conversations {
  readonly #byId = new Map<
    string,
    { readonly response: RememberedResponse; readonly bytes: number; followers: number }
  >();
  #bytes = 0;

  get(id: string): RememberedResponse | undefined {
    return this.#byId.get(id)?.response;
  }

  /** Counts a request that follows a response, and returns how many had before. */
  follow(id: string): number {
    const known = this.#byId.get(id);
    return known ? known.followers++ : 0;
  }

  /** @param bytes of the request and the answer, a measure of what is kept */
  remember(id: string, response: RememberedResponse, bytes: number): void {
    if (bytes > MOST_BYTES) return;
    this.#forget(id);
    this.#byId.set(id, { response, bytes, followers: 0 });
    this.#bytes += bytes;
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= MOST_RESPONSES && this.#bytes <= MOST_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#bytes -= this.#byId.get(id)?.bytes ?? 0;
    this.#byId.delete(id);
  }
}

/** A whole answer of `/v1/responses`: its id, the conversation it belongs to, and what it adds to it. */
export interface AnsweredResponse {
  readonly id: string;
  readonly conversation: string | undefined;
  readonly messages: readonly ChatMessage[];
}

/** Reads it out of the answer's body, a document or a stream; undefined where it is not whole. */
export function answeredResponse(body: string): AnsweredResponse | undefined {
  const response = parsedObject(body) ?? streamedResponse(body);
  const id = asText(response?.id);
  if (!response || id === undefined || !Array.isArray(response.output)) return undefined;
  // Servers that read it back leave the reasoning out (vLLM, OpenAI).
  const output = asArray(response.output).filter((item) => asObject(item)?.type !== "reasoning");
  const conversation = asText(response.conversation) ?? asText(asObject(response.conversation)?.id);
  return { id, conversation, messages: itemMessages(output) };
}

/** The last event of a stream has the whole response. */
function streamedResponse(body: string): JsonObject | undefined {
  const at = Math.max(...["completed", "incomplete"].map((end) => body.lastIndexOf(`"response.${end}"`)));
  if (at < 0) return undefined;
  const line = body.slice(body.lastIndexOf("\n", at) + 1).split(/\r?\n/, 1)[0];
  return asObject(parsedObject(line.replace(/^data:/, ""))?.response);
}

function parsedObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}
