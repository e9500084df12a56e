import { asObject, type JsonObject } from "../../base/index.js";
import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import { asArray } from "./json-object.js";
import type { PromptSource } from "./prompt-source.js";
import { isTokenId } from "./token-id.js";

/** Fields of a body that decide what the server makes of its messages or its text; servers pass over unknown ones. */
const TEMPLATE_FIELDS = [
  "add_special_tokens",
  "add_generation_prompt",
  "continue_final_message",
  "chat_template",
  "chat_template_kwargs",
  "documents",
  "media_io_kwargs",
  "mm_processor_kwargs",
  "reasoning_effort",
];

/** The fields of {@link TEMPLATE_FIELDS} that a body has. */
export function templateFields(body: JsonObject): JsonObject {
  return Object.fromEntries(
    TEMPLATE_FIELDS.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]),
  );
}

/**
 * The chat of a body of `/v1/chat/completions`.
 * @returns undefined when it has no messages, or one without a role
 */
export function openaiChat(body: JsonObject): ChatPrompt | undefined {
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isMessage)) return undefined;
  const tools = [...asArray(body.tools), ...asArray(body.functions)];
  return { messages, tools, toolsFirst: false, templateFields: templateFields(body) };
}

/**
 * The prompts of a body of `/v1/completions`: a text, token ids, or a list of either.
 * @returns undefined when there is none that could be read
 */
export function openaiPrompts(body: JsonObject): PromptSource[] | undefined {
  const { prompt } = body;
  const single = promptSource(prompt, body);
  if (single) return [single];
  if (!Array.isArray(prompt) || prompt.length === 0) return undefined;
  const many: PromptSource[] = [];
  for (const entry of prompt) {
    const source = promptSource(entry, body);
    if (!source) return undefined;
    many.push(source);
  }
  return many;
}

function promptSource(value: unknown, body: JsonObject): PromptSource | undefined {
  if (typeof value === "string") return { kind: "text", text: value, tokenizeFields: templateFields(body) };
  if (!Array.isArray(value) || value.length === 0 || !value.every(isTokenId)) return undefined;
  return { kind: "ids", ids: Uint32Array.from(value) };
}

function isMessage(value: unknown): value is ChatMessage {
  return typeof asObject(value)?.role === "string";
}
