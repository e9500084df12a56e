import { asObject, type JsonObject } from "../../base/index.js";
import type { AnswerEvent, ChoicePart } from "./answer-event.js";
import { generatedCharacters } from "./generated-characters.js";
import { asArray, asText } from "./json-object.js";
import { serverUsage } from "./server-usage.js";
import { streamError } from "./stream-error.js";
import { isTokenId } from "./token-id.js";

type Dialect = (event: JsonObject) => Omit<AnswerEvent, "usage" | "errorMessage"> | undefined;

/** Told apart by shape, since gateways answer in another dialect than they were asked in. */
const dialects: readonly Dialect[] = [openai, responses, messages, gemini, ollama];

/**
 * Reads one message of an answer, streamed or whole: OpenAI's completions and chats, Responses, Anthropic's Messages,
 * Gemini and Ollama.
 * @param eventName of the server-sent event, where it has one
 * @returns undefined when nothing in it is known
 */
export function readAnswerEvent(value: unknown, eventName?: string): AnswerEvent | undefined {
  const event = asObject(value);
  if (!event) return undefined;
  let read: ReturnType<Dialect>;
  for (const dialect of dialects) {
    read = dialect(event);
    if (read) break;
  }
  const usage = serverUsage(event);
  const errorMessage = streamError(event, read !== undefined && read.choices.length > 0, eventName);
  if (!read && !usage && errorMessage === undefined && !isKeepAlive(event)) return undefined;
  return {
    choices: [],
    ...read,
    ...(usage && { usage }),
    ...(errorMessage !== undefined && { errorMessage }),
  };
}

/** An event that only shows that the connection lives. */
function isKeepAlive(event: JsonObject): boolean {
  return Object.keys(event).length === 0 || /^(ping|keep.?alive|heartbeat)$/i.test(asText(event.type) ?? "");
}

function openai(event: JsonObject): ReturnType<Dialect> {
  if (!Array.isArray(event.choices)) return undefined;
  const promptTokenIds = tokenIds(event.prompt_token_ids);
  return {
    choices: event.choices.flatMap(openaiChoice),
    ...(promptTokenIds && { promptTokenIds }),
    ...responseId(event),
  };
}

function openaiChoice(value: unknown, position: number): ChoicePart[] {
  const choice = asObject(value);
  if (!choice) return [];
  const message = asObject(choice.delta) ?? asObject(choice.message);
  const ids = tokenIds(choice.token_ids);
  const promptTokenIds = tokenIds(choice.prompt_token_ids);
  const finishReason = asText(choice.finish_reason);
  return [
    {
      index: typeof choice.index === "number" ? choice.index : position,
      characters: generatedCharacters(message ?? besideUsage(choice)),
      text: asText(choice.text) ?? asText(message?.content) ?? "",
      ...(ids && { tokenIds: ids }),
      ...(promptTokenIds && { promptTokenIds }),
      ...(finishReason !== undefined && { finishReason }),
    },
  ];
}

function responses(event: JsonObject): ReturnType<Dialect> {
  const type = asText(event.type);
  if (event.object === "response") return wholeResponse(event);
  if (!type?.startsWith("response.")) return undefined;
  const response = asObject(event.response);
  const id = response ? responseId(response) : {};
  if (type.endsWith(".delta")) {
    const text = type === "response.output_text.delta" ? (asText(event.delta) ?? "") : "";
    return { choices: [part(generatedCharacters(event.delta), text)] };
  }
  // The name of a tool is generated before its arguments.
  if (type === "response.output_item.added")
    return { choices: [part(asText(asObject(event.item)?.name)?.length ?? 0)] };
  if (response && /^response\.(completed|incomplete|failed|cancelled|done)$/.test(type))
    return { ...id, choices: [{ ...part(0), finishReason: responseEnd(response) }], isEnd: true };
  return { ...id, choices: [] };
}

function wholeResponse(response: JsonObject): ReturnType<Dialect> {
  const parts = asArray(response.output).flatMap((item) => asArray(asObject(item)?.content));
  const text = parts.map((each) => asText(asObject(each)?.text) ?? "").join("");
  return {
    ...responseId(response),
    choices: [{ ...part(generatedCharacters(response.output), text), finishReason: responseEnd(response) }],
    isEnd: true,
  };
}

/** As the other APIs say it; a status that is none of theirs as it stands. */
function responseEnd(response: JsonObject): string {
  const status = asText(response.status) ?? "completed";
  if (status === "completed") return "stop";
  if (status !== "incomplete") return status === "failed" ? "error" : status;
  const reason = asText(asObject(response.incomplete_details)?.reason);
  return reason === undefined || reason === "max_output_tokens" ? "length" : reason;
}

function messages(event: JsonObject): ReturnType<Dialect> {
  const type = asText(event.type);
  switch (type) {
    case "message":
      if (!Array.isArray(event.content)) return undefined;
      return {
        ...responseId(event),
        choices: [{ ...part(generatedCharacters(event.content), blockText(event.content)), ...stop(event) }],
        isEnd: true,
      };
    case "message_start":
      return { ...responseId(asObject(event.message) ?? {}), choices: [] };
    case "content_block_start":
      return { choices: [part(generatedCharacters(event.content_block), blockText([event.content_block]))] };
    case "content_block_delta":
      return { choices: [part(generatedCharacters(event.delta), asText(asObject(event.delta)?.text))] };
    case "message_delta":
      return { choices: [{ ...part(0), ...stop(asObject(event.delta) ?? {}) }] };
    case "message_stop":
      return { choices: [], isEnd: true };
    case "content_block_stop":
      return { choices: [] };
    default:
      return undefined;
  }
}

function stop(message: JsonObject) {
  const finishReason = asText(message.stop_reason);
  return finishReason === undefined ? {} : { finishReason };
}

function blockText(blocks: readonly unknown[]): string {
  return blocks.map((block) => asText(asObject(block)?.text) ?? "").join("");
}

function gemini(event: JsonObject): ReturnType<Dialect> {
  const blocked = asText(asObject(event.promptFeedback)?.blockReason);
  if (!Array.isArray(event.candidates))
    return blocked === undefined
      ? undefined
      : { choices: [{ ...part(0), finishReason: blocked }], isEnd: true };
  const choices = event.candidates.flatMap((value, position): ChoicePart[] => {
    const candidate = asObject(value);
    if (!candidate) return [];
    const parts = asArray(asObject(candidate.content)?.parts);
    const said = parts.filter((each) => asObject(each)?.thought !== true);
    const finishReason = asText(candidate.finishReason);
    return [
      {
        ...part(generatedCharacters(parts), blockText(said)),
        index: typeof candidate.index === "number" ? candidate.index : position,
        ...(finishReason !== undefined && { finishReason }),
      },
    ];
  });
  const id = asText(event.responseId);
  return {
    ...(id !== undefined && { responseId: id }),
    choices,
    isEnd: choices.some(({ finishReason }) => finishReason !== undefined),
  };
}

function ollama(event: JsonObject): ReturnType<Dialect> {
  if (typeof event.done !== "boolean") return undefined;
  const message = asObject(event.message);
  const generated = message ?? { response: event.response, thinking: event.thinking };
  const text = asText(message?.content) ?? asText(event.response);
  const finishReason = event.done ? (asText(event.done_reason) ?? "stop") : undefined;
  return {
    choices: [
      { ...part(generatedCharacters(generated), text), ...(finishReason !== undefined && { finishReason }) },
    ],
    isEnd: event.done,
  };
}

function part(characters: number, text = ""): ChoicePart {
  return { index: 0, characters, text };
}

function besideUsage({ usage: _counts, ...rest }: JsonObject): JsonObject {
  return rest;
}

function responseId(event: JsonObject): { readonly responseId?: string } {
  const id = asText(event.id);
  return id === undefined || id === "" ? {} : { responseId: id };
}

function tokenIds(value: unknown): number[] | undefined {
  return Array.isArray(value) && value.every(isTokenId) ? value : undefined;
}
