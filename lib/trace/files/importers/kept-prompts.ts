import { isJsonObject, type JsonObject, type Tokens } from "../../../base/index.js";
import type { TraceRecord } from "../../trace.js";
import type { ImportOptions } from "./importer.js";
import { promptOf } from "./text-prompt.js";
import { BytesPerToken, promptBytes, TextTokens } from "./text-tokens.js";
import type { TraceBuilder } from "./trace-builder.js";

/** A request as a load generator kept it: its body, the answer, and what was counted. */
export interface KeptRequest {
  /** An object, or its JSON. */
  readonly body: unknown;
  readonly answer: string | undefined;
  readonly promptTokens: Tokens | undefined;
}

/** The blocks and messages of a prompt. */
export type PromptHashes = Partial<
  Pick<TraceRecord, "blockIds" | "outputBlockIds" | "messages" | "messagesBy">
>;

/**
 * Hashes of the prompts of a report that keeps the bodies of its requests, all or some: lengths stay those that were counted.
 * See `text-tokens.ts`.
 */
export class KeptPrompts {
  readonly #texts: TextTokens | undefined;
  readonly #bodies: readonly (JsonObject | undefined)[];
  readonly #requests: readonly KeptRequest[];

  constructor(
    builder: TraceBuilder,
    options: ImportOptions,
    blockSize: Tokens,
    requests: readonly KeptRequest[],
  ) {
    this.#requests = requests;
    this.#bodies = requests.map(({ body }) => bodyOf(body));
    const mean = new BytesPerToken();
    this.#bodies.forEach((body, at) => {
      const prompt = body && promptIn(body);
      if (prompt) mean.add(promptBytes(prompt), requests[at]?.promptTokens);
    });
    const hasAny = this.#bodies.some((body) => body !== undefined);
    // Lengths are counted already: a tokenizer would give others.
    const { tokenize: _tokenize, ...withoutTokenizer } = options;
    this.#texts = hasAny ? new TextTokens(builder, withoutTokenizer, blockSize, mean.value()) : undefined;
    if (this.#texts?.said !== undefined) builder.assume(this.#texts.said);
  }

  /** Whether any body was kept. */
  get hasAny(): boolean {
    return this.#texts !== undefined;
  }

  /** The hashes of the request with this index, where its body was kept. */
  of(index: number, promptTokens: Tokens, outputTokens: Tokens): PromptHashes {
    const body = this.#bodies[index];
    const prompt = body && promptIn(body);
    if (!prompt || !this.#texts) return {};
    const counted = { promptTokens, outputTokens };
    const text = this.#texts.of(prompt, this.#requests[index]?.answer, counted);
    return {
      ...(text.blockIds && { blockIds: text.blockIds }),
      ...(text.outputBlockIds && { outputBlockIds: text.outputBlockIds }),
      ...(text.messages && { messages: text.messages, messagesBy: "characters" as const }),
    };
  }
}

function promptIn(body: JsonObject) {
  try {
    const prompt = promptOf(body);
    return prompt.length > 0 ? prompt : undefined;
  } catch {
    // A body of another API: its prompt is not known.
    return undefined;
  }
}

function bodyOf(given: unknown): JsonObject | undefined {
  if (isJsonObject(given))
    return isJsonObject(given.body) ? given.body : isJsonObject(given.json) ? given.json : given;
  if (typeof given !== "string" || !given.trimStart().startsWith("{")) return undefined;
  try {
    return bodyOf(JSON.parse(given));
  } catch {
    return undefined;
  }
}
