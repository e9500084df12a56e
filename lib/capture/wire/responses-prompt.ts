import { asObject, type JsonObject } from "../../base/index.js";
import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import { asArray, asText } from "./json-object.js";
import { templateFields } from "./openai-prompt.js";
import { unsealed } from "./prompt-thing.js";

type Message = ChatMessage & { tool_calls?: unknown[]; reasoning?: string };

/**
 * The chat of a body of OpenAI's `/v1/responses`, turned into the form of chat completions as vLLM does inside
 * (vllm/entrypoints/openai/responses/utils.py): `instructions` are the system text, reasoning, text and calls of one
 * answer are one message, outputs of calls are messages of role "tool".
 * @param before what the conversation held before (`previous_response_id`), oldest first; system texts in it are left
 *   out: instructions do not carry over
 * @returns undefined when it has no input
 */
export function responsesChat(body: JsonObject, before: readonly ChatMessage[] = []): ChatPrompt | undefined {
  const { input, instructions } = body;
  if (typeof input !== "string" && !Array.isArray(input)) return undefined;
  const items = typeof input === "string" ? [{ role: "user", content: input }] : input;
  const system = typeof instructions === "string" ? instructions : undefined;
  const messages: Message[] = [
    // A prompt that the server keeps: its text is not known, its name and variables tell it from others.
    ...(asObject(body.prompt) ? [{ role: "system", content: [{ type: "file", prompt: body.prompt }] }] : []),
    ...(system === undefined || system === "" ? [] : [{ role: "system", content: system }]),
    ...before.filter(({ role }) => role !== "system" && role !== "developer"),
  ];
  for (const item of [...asArray(instructions), ...items]) addItem(messages, item);
  if (messages.length === 0) return undefined;
  return {
    messages,
    tools: asArray(body.tools).map(openaiTool),
    toolsFirst: false,
    templateFields: templateFields(body),
  };
}

/** The messages that items of a conversation are: those of an input, or of a response's output. */
export function itemMessages(items: readonly unknown[]): ChatMessage[] {
  const messages: Message[] = [];
  for (const item of items) addItem(messages, item);
  return messages;
}

function addItem(messages: Message[], value: unknown): void {
  const item = asObject(value);
  if (!item) return;
  const type = asText(item.type) ?? "message";
  const last = messages.at(-1);
  const open = last?.role === "assistant" ? last : undefined;
  if (type === "reasoning") {
    const reasoning = reasoningText(item);
    if (reasoning === "") return;
    if (open && open.reasoning === undefined) replaceLast(messages, { ...open, reasoning });
    else messages.push({ role: "assistant", reasoning });
  } else if (/_call$/.test(type)) {
    const call = toolCall(item);
    if (open) replaceLast(messages, { ...open, tool_calls: [...(open.tool_calls ?? []), call] });
    else messages.push({ role: "assistant", tool_calls: [call] });
  } else if (/_call_output$/.test(type)) {
    const content = typeof item.output === "string" ? item.output : contentParts(item.output ?? "");
    messages.push({ role: "tool", tool_call_id: asText(item.call_id) ?? "", content });
  } else if (type === "message") {
    const role = asText(item.role) ?? "user";
    const content = contentParts(item.content);
    if (role === "assistant" && open && open.content === undefined)
      replaceLast(messages, { ...open, content });
    else messages.push({ role, content });
  } else messages.push({ role: type, content: [item] });
}

function replaceLast(messages: Message[], message: Message): void {
  messages[messages.length - 1] = message;
}

/** Parts in the names of chat completions; one text alone is that text. */
function contentParts(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const parts = content.map((value) => {
    const part = asObject(value);
    if (typeof part?.text === "string") return { type: "text", text: part.text };
    if (typeof part?.refusal === "string") return { type: "text", text: part.refusal };
    if (part?.type === "input_image" && typeof part.image_url === "string")
      return { type: "image_url", image_url: { url: part.image_url } };
    return value;
  });
  const only = asObject(parts[0]);
  return parts.length === 1 && only?.type === "text" ? only.text : parts;
}

/** Its text, its summary where there is none, or a short name of its sealed form, which a client sends back. */
function reasoningText(item: JsonObject): string {
  const text = (list: unknown) =>
    asArray(list)
      .map((part) => asText(asObject(part)?.text) ?? "")
      .join("");
  return text(item.content) || text(item.summary) || String(unsealed(item.encrypted_content ?? ""));
}

function toolCall(item: JsonObject) {
  const { type, id: _id, call_id: callId, status: _status, name, arguments: sent, ...rest } = item;
  const called = asText(sent) ?? asText(item.input) ?? JSON.stringify(rest);
  return {
    id: asText(callId) ?? "",
    type: "function",
    function: { name: asText(name) ?? asText(type) ?? "", arguments: called },
  };
}

/** Tools that the server runs itself have a type and no parameters, and stay as they are. */
function openaiTool(tool: unknown): unknown {
  const fields = asObject(tool);
  if (fields?.type !== "function" || fields.function !== undefined) return tool;
  const { type, ...declared } = fields;
  return { type, function: declared };
}
