import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { Tokens } from "../../base/index.js";
import type { AnswerFormat, AnswerPart } from "./answer-format.js";
import type { CompletionParams } from "./completion-params.js";
import { type Generation, generate, type ServedEngine } from "./generate.js";

/** How an endpoint formats its answers: given an id, the creation time and the model's name. */
export type FormatMaker = (id: string, createdS: number, model: string) => AnswerFormat;

/**
 * Generates the answer to a request and sends it, streamed or whole. When the client goes away, the engine drops the
 * request.
 * @throws ApiError when the engine refuses it
 */
export function sendAnswer(options: {
  readonly served: ServedEngine;
  readonly params: CompletionParams;
  readonly makeFormat: FormatMaker;
  readonly modelName: string;
  /** What the client calls the session of the request, where it says so. */
  readonly session: string | undefined;
  readonly reply: FastifyReply;
}): void {
  const { served, params, makeFormat, modelName, session, reply } = options;
  const format = makeFormat(randomUUID(), Math.floor(Date.now() / 1000), params.model ?? modelName);
  const out = reply.raw;
  const writer = params.isStreamed
    ? new StreamWriter(params, format, out)
    : new WholeWriter(params, format, out);
  const generation = generate(served, params, session, (emitted) => writer.emitted(emitted));
  // From here the answer is written to the socket directly: no buffering, and nothing of Fastify's in between.
  reply.hijack();
  writer.begin(generation);
  out.on("close", () => generation.abort());
}

class StreamWriter {
  #generation: Generation | undefined;
  #sent: Tokens = 0;
  #emitted: Tokens = 0;
  #isBlocked = false;

  constructor(
    readonly params: CompletionParams,
    readonly format: AnswerFormat,
    readonly out: ServerResponse,
  ) {}

  begin(generation: Generation): void {
    this.#generation = generation;
    this.out.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    });
    this.out.flushHeaders();
    this.out.on("drain", () => {
      this.#isBlocked = false;
      this.#send();
    });
    // At a high time scale tokens may be out before the caller knows the request.
    this.#send();
  }

  emitted(count: Tokens): void {
    this.#emitted = count;
    // A client that reads slowly gets several tokens in one event, as from vLLM, and does not fill memory.
    if (!this.#isBlocked) this.#send();
  }

  #send(): void {
    const generation = this.#generation;
    if (!generation || this.#emitted === this.#sent || this.out.destroyed) return;
    const { params, format } = this;
    const isFirst = this.#sent === 0;
    const isLast = this.#emitted === generation.tokenIds.length;
    const promptTokenIds = isFirst && params.returnTokenIds ? Array.from(params.promptIds) : undefined;
    let text = isFirst ? format.opening(promptTokenIds, usageOf(params, generation)) : "";
    text += format.piece({
      text: generation.text.slice(this.#sent, this.#emitted),
      ...(params.returnTokenIds && {
        tokenIds: Array.from(generation.tokenIds.subarray(this.#sent, this.#emitted)),
      }),
      ...(promptTokenIds && { promptTokenIds }),
      ...(isLast && { finishReason: generation.finishReason }),
    });
    this.#sent = this.#emitted;
    if (isLast) {
      const { finishReason } = generation;
      const whole = { text: generation.text, finishReason };
      this.out.end(text + format.closing(whole, usageOf(params, generation), params.includeUsage));
    } else this.#isBlocked = !this.out.write(text);
  }
}

class WholeWriter {
  #generation: Generation | undefined;
  #emitted: Tokens = 0;

  constructor(
    readonly params: CompletionParams,
    readonly format: AnswerFormat,
    readonly out: ServerResponse,
  ) {}

  begin(generation: Generation): void {
    this.#generation = generation;
    this.emitted(this.#emitted);
  }

  emitted(count: Tokens): void {
    this.#emitted = count;
    const generation = this.#generation;
    if (!generation || count < generation.tokenIds.length) return;
    const { params, format } = this;
    const part: AnswerPart = {
      text: generation.text,
      finishReason: generation.finishReason,
      ...(params.returnTokenIds && {
        tokenIds: Array.from(generation.tokenIds),
        promptTokenIds: Array.from(params.promptIds),
      }),
    };
    const body = format.whole(part, usageOf(params, generation));
    this.out.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    });
    this.out.end(body);
  }
}

function usageOf(params: CompletionParams, generation: Generation) {
  return {
    promptTokens: params.promptIds.length,
    completionTokens: generation.tokenIds.length,
    cachedTokens: generation.cachedTokens,
  };
}
