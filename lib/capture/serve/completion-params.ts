import { describeValue, isJsonObject, type Tokens } from "../../base/index.js";
import { anthropicChat } from "../wire/anthropic-prompt.js";
import { bytesText, byteTokens, type ChatMessage, chatText, isTokenId } from "../wire/index.js";
import { responsesChat } from "../wire/responses-prompt.js";
import { ApiError } from "./api-error.js";

/** What a completion request asks for, checked. */
export interface CompletionParams {
  readonly promptIds: Int32Array;
  readonly maxTokens: Tokens;
  readonly stop: readonly string[];
  readonly isStreamed: boolean;
  /** A last event with the token counts. */
  readonly includeUsage: boolean;
  /** vLLM: ids of prompt and answer beside the text. */
  readonly returnTokenIds: boolean;
  /** Name to answer under: as asked, since no weights stand behind any. */
  readonly model: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** OpenAI's default for completions. vLLM's for chat is the rest of the context, which no client here wants to wait for. */
const DEFAULT_MAX_TOKENS = { completions: 16, chat: 128, responses: 128, messages: undefined };

/** The APIs that the engine is served through. */
export type ServedEndpoint = keyof typeof DEFAULT_MAX_TOKENS;

/** Names of the field that limits the output; the first one that is given counts. */
const LIMITS: Readonly<Record<ServedEndpoint, readonly string[]>> = {
  completions: ["max_completion_tokens", "max_tokens"],
  chat: ["max_completion_tokens", "max_tokens"],
  responses: ["max_output_tokens"],
  messages: ["max_tokens"],
};

const NUMBERS = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "repetition_penalty",
  "seed",
  "min_tokens",
];
const BOOLEANS = ["ignore_eos", "echo", "skip_special_tokens", "add_special_tokens", "parallel_tool_calls"];

/**
 * Reads the body of `/v1/completions` (`prompt`: text or token ids), `/v1/chat/completions` (`messages`), `/v1/responses`
 * (`instructions` and `input`) or `/v1/messages` (`system` and `messages`). Text is byte tokens. Sampling parameters are checked and have no effect: answers are deterministic, and end at `max_tokens`
 * or a stop string, as if `ignore_eos` were always set.
 * @throws ApiError 400 naming the field that is wrong
 */
export function completionParams(endpoint: ServedEndpoint, body: unknown): CompletionParams {
  const fields = objectField(body, undefined);
  for (const name of NUMBERS) optional(fields, name, "a number", (value) => Number.isFinite(value));
  for (const name of BOOLEANS) optional(fields, name, "a boolean", (value) => typeof value === "boolean");
  for (const name of ["n", "best_of"])
    optional(fields, name, "1: this server generates one answer a request", (value) => value === 1);
  if (fields.echo === true) throw new ApiError(400, "echo is not supported by this server", "echo");
  const streamOptions =
    fields.stream_options == null ? {} : objectField(fields.stream_options, "stream_options");
  return {
    promptIds: promptIdsOf(endpoint, fields),
    maxTokens: maxTokens(fields, LIMITS[endpoint], DEFAULT_MAX_TOKENS[endpoint]),
    stop: stopStrings(endpoint === "messages" ? fields.stop_sequences : fields.stop),
    isStreamed: flag(fields, "stream"),
    includeUsage: flag(streamOptions, "include_usage"),
    returnTokenIds: flag(fields, "return_token_ids"),
    model: text(fields, "model"),
  };
}

/**
 * Token ids of the body of `/tokenize`: `{prompt}` or `{messages}`.
 * @throws ApiError 400 naming the field that is wrong
 */
export function tokenizeParams(body: unknown): Int32Array {
  const fields = objectField(body, undefined);
  if (fields.messages !== undefined) return messageTokens(fields.messages);
  if (typeof fields.prompt !== "string") throw wrong("prompt", "a string", fields.prompt);
  return byteTokens(fields.prompt);
}

/**
 * Text of the body of `/detokenize`: `{tokens}`.
 * @throws ApiError 400 naming the field that is wrong
 */
export function detokenizeParams(body: unknown): string {
  const { tokens } = objectField(body, undefined);
  if (!Array.isArray(tokens) || !tokens.every(isTokenId))
    throw wrong("tokens", "an array of token ids", tokens);
  return bytesText(tokens);
}

function promptTokens(prompt: unknown): Int32Array {
  if (typeof prompt === "string") {
    if (prompt === "") throw new ApiError(400, "prompt must not be empty", "prompt");
    return byteTokens(prompt);
  }
  if (!Array.isArray(prompt) || prompt.length === 0)
    throw wrong("prompt", "a string or an array of token ids", prompt);
  // One prompt in a list of prompts is that prompt.
  if (prompt.length === 1 && isPrompt(prompt[0])) return promptTokens(prompt[0]);
  if (!prompt.every(isTokenId)) {
    const isBatch = prompt.every((entry) => typeof entry === "string" || Array.isArray(entry));
    throw isBatch
      ? new ApiError(400, "one prompt a request: send several requests for several prompts", "prompt")
      : new ApiError(400, "prompt must hold token ids: whole numbers from 0 to 2147483647", "prompt");
  }
  return Int32Array.from(prompt);
}

function isPrompt(value: unknown): boolean {
  return typeof value === "string" || (Array.isArray(value) && value.every(isTokenId));
}

function messageTokens(messages: unknown): Int32Array {
  return chatTokens(checkedMessages(messages), "messages");
}

function checkedMessages(messages: unknown): ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw wrong("messages", "a non-empty array of messages", messages);
  return messages.map((message, i) => checkedMessage(message, `messages[${i}]`));
}

function checkedMessage(message: unknown, place: string): ChatMessage {
  const fields = objectField(message, place);
  if (typeof fields.role !== "string" || fields.role === "")
    throw wrong(`${place}.role`, "a string", fields.role);
  const { content } = fields;
  if (content != null && typeof content !== "string" && !Array.isArray(content))
    throw wrong(`${place}.content`, "a string or an array of parts", content);
  return { ...fields, role: fields.role };
}

/** An item of `input`: a message, or a call of a tool or its result, which has a kind in the place of a role. */
function checkedItem(item: unknown, index: number): void {
  const { type } = objectField(item, `input[${index}]`);
  if (type === undefined || type === "message") checkedMessage(item, `input[${index}]`);
}

function chatTokens(messages: readonly ChatMessage[], name: "messages" | "input"): Int32Array {
  try {
    return byteTokens(chatText(messages));
  } catch {
    throw new ApiError(400, `${name} are nested too deeply`, name);
  }
}

function promptIdsOf(endpoint: ServedEndpoint, fields: Fields): Int32Array {
  switch (endpoint) {
    case "completions":
      return promptTokens(fields.prompt);
    case "chat":
      return messageTokens(fields.messages);
    case "messages":
      checkedMessages(fields.messages);
      systemChecked(fields, "system");
      return chatTokens(anthropicChat(fields)?.messages ?? [], "messages");
    case "responses": {
      if (fields.previous_response_id != null)
        throw new ApiError(
          400,
          "previous_response_id is not supported by this server: send the whole conversation as input",
          "previous_response_id",
        );
      const { input } = fields;
      if (typeof input !== "string" && (!Array.isArray(input) || input.length === 0))
        throw wrong("input", "a string or a non-empty array of items", input);
      systemChecked(fields, "instructions");
      if (typeof input !== "string") input.forEach(checkedItem);
      return chatTokens(responsesChat(fields)?.messages ?? [], "input");
    }
  }
}

function systemChecked(fields: Fields, name: string): void {
  optional(
    fields,
    name,
    "a string or an array of parts",
    (value) => typeof value === "string" || Array.isArray(value),
  );
}

function maxTokens(fields: Fields, names: readonly string[], fallback: Tokens | undefined): Tokens {
  const name = names.find((each) => fields[each] != null) ?? (names.at(-1) as string);
  const value = fields[name] ?? fallback;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1)
    throw wrong(name, "a whole number of at least 1", value);
  const minTokens = fields.min_tokens;
  if (typeof minTokens === "number" && minTokens > value)
    throw new ApiError(
      400,
      `min_tokens must not exceed ${name}, got ${minTokens} and ${value}`,
      "min_tokens",
    );
  return value;
}

function stopStrings(stop: unknown): string[] {
  if (stop == null) return [];
  const list: unknown[] = Array.isArray(stop) ? stop : [stop];
  if (list.length > 16 || !list.every((entry): entry is string => typeof entry === "string"))
    throw wrong("stop", "a string or at most 16 of them", stop);
  return list.filter((entry) => entry !== "");
}

function objectField(value: unknown, name: string | undefined): Fields {
  if (isJsonObject(value)) return value;
  if (name === undefined) throw new ApiError(400, "the body must be a JSON object");
  throw wrong(name, "an object", value);
}

function optional(fields: Fields, name: string, what: string, isRight: (value: unknown) => boolean): void {
  const value = fields[name];
  if (value != null && !isRight(value)) throw wrong(name, what, value);
}

function flag(fields: Fields, name: string): boolean {
  optional(fields, name, "a boolean", (value) => typeof value === "boolean");
  return fields[name] === true;
}

function text(fields: Fields, name: string): string | undefined {
  optional(fields, name, "a string", (value) => typeof value === "string");
  return (fields[name] as string | null | undefined) ?? undefined;
}

function wrong(name: string, what: string, value: unknown): ApiError {
  return new ApiError(400, `${name} must be ${what}, got ${describeValue(value)}`, name);
}
