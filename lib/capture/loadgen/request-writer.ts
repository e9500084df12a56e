import type { Tokens } from "../../base/index.js";
import { type Endpoint, endpointPaths } from "./endpoint.js";
import type { ChatMessage, Prompt } from "./prompt.js";

/** Sampling, and the fields that not every server knows. */
export interface SamplingOptions {
  readonly temperature: number;
  /** Ask the server to run to the full output length: `ignore_eos`, known to vLLM, SGLang and llama.cpp. */
  readonly ignoreEos: boolean;
  /** Ask for the token ids of prompt and answer: `return_token_ids`, known to vLLM. */
  readonly returnTokenIds: boolean;
}

/**
 * Names of the field that limits the output, in the order in which they are tried: OpenAI's chats of newer models take
 * `max_completion_tokens` alone, most other servers know `max_tokens` alone.
 */
const limitNames: Readonly<Record<Endpoint, readonly string[]>> = {
  completions: ["max_tokens", "max_completion_tokens"],
  chat: ["max_tokens", "max_completion_tokens"],
  responses: ["max_output_tokens", "max_tokens"],
  messages: ["max_tokens"],
};

/** Writes the bodies of streaming requests to one endpoint, without the fields that its server refuses. */
export class RequestWriter {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly path: string;
  readonly #sampling: SamplingOptions;
  readonly #refused = new Map<string, string>();
  readonly #left = new Set<string>();
  #revision = 0;

  constructor(options: {
    readonly endpoint: Endpoint;
    readonly model: string;
    readonly sampling: SamplingOptions;
  }) {
    this.endpoint = options.endpoint;
    this.model = options.model;
    this.path = endpointPaths[options.endpoint];
    this.#sampling = options.sampling;
  }

  /** Every field that can be left out, those first without which a measurement loses the least. */
  get optionalFields(): readonly string[] {
    return [...Object.keys(this.#optional()).reverse(), ...limitNames[this.endpoint]];
  }

  /** The fields that the server refuses, with its words. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  /** Grows whenever what is written changes: a body of an earlier revision is out of date. */
  get revision(): number {
    return this.#revision;
  }

  /** The field that limits the output; undefined where the server refuses all that are known. */
  get limitName(): string | undefined {
    return limitNames[this.endpoint].find((name) => !this.#refused.has(name));
  }

  /** This optional field goes with every request. */
  sends(field: string): boolean {
    return Object.hasOwn(this.#optional(), field) && !this.#refused.has(field) && !this.#left.has(field);
  }

  /** From here on without this field, since the server refuses it in these words. */
  refuse(field: string, words: string): void {
    this.#refused.set(field, words);
    this.#revision++;
  }

  /** With a field again that was refused by mistake. */
  takeBack(field: string): void {
    this.#refused.delete(field);
    this.#revision++;
  }

  /** From here on without this field, which is of no use. */
  leaveOut(field: string): void {
    this.#left.add(field);
    this.#revision++;
  }

  /** The JSON body of one request. */
  write(prompt: Prompt, outputTokens: Tokens): string {
    const limit = this.limitName;
    const optional = Object.entries(this.#optional()).filter(([name]) => this.sends(name));
    const rest = JSON.stringify({
      ...(limit !== undefined && { [limit]: outputTokens }),
      stream: true,
      ...Object.fromEntries(optional),
    }).slice(1);
    return `{"model":${JSON.stringify(this.model)},${promptFields(prompt, this.endpoint)},${rest}`;
  }

  #optional(): Record<string, unknown> {
    const { temperature, ignoreEos, returnTokenIds } = this.#sampling;
    const isOpenAi = this.endpoint === "completions" || this.endpoint === "chat";
    return {
      temperature,
      ...(isOpenAi && { stream_options: { include_usage: true } }),
      ...(ignoreEos && { ignore_eos: true }),
      ...(isOpenAi && returnTokenIds && { return_token_ids: true }),
    };
  }
}

function promptFields(prompt: Prompt, endpoint: Endpoint): string {
  switch (prompt.kind) {
    case "ids":
      return `"prompt":[${prompt.json}]`;
    case "text":
      return `"prompt":${JSON.stringify(prompt.text)}`;
    case "messages":
      if (endpoint === "chat") return chatFields(prompt);
      return endpoint === "responses" ? responsesFields(prompt.messages) : messagesFields(prompt.messages);
  }
}

function chatFields({ messages, tools }: Extract<Prompt, { kind: "messages" }>): string {
  return JSON.stringify({ messages, ...(tools && { tools }) }).slice(1, -1);
}

/** A system message that comes first has a field of its own in both APIs. */
function splitSystem(messages: readonly ChatMessage[]) {
  const [first, ...rest] = messages;
  return first?.role === "system" ? { system: first.content, rest } : { system: undefined, rest: messages };
}

function responsesFields(messages: readonly ChatMessage[]): string {
  const { system, rest } = splitSystem(messages);
  const input = rest.map(({ role, content }) => ({ type: "message", role, content }));
  return JSON.stringify({ ...(system !== undefined && { instructions: system }), input }).slice(1, -1);
}

/** Anthropic's API takes no empty text: an answer of which nothing was text is not said again. */
function messagesFields(messages: readonly ChatMessage[]): string {
  const { system, rest } = splitSystem(messages);
  const said = rest.filter(({ content }) => content !== "");
  return JSON.stringify({ ...(system !== undefined && { system }), messages: said }).slice(1, -1);
}
