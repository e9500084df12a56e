import { asObject, type JsonObject } from "../../base/index.js";
import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import { asArray, asText } from "./json-object.js";
import { templateFields } from "./openai-prompt.js";

/**
 * The chat of a body of Anthropic's `/v1/messages`, turned into OpenAI's form as vLLM does inside
 * (vllm/entrypoints/anthropic/serving.py): `tool_use` is a tool call, `tool_result` a message of role "tool", thinking the
 * message's `reasoning`. Redacted thinking is opaque and left out, and so is the billing header that Claude Code puts
 * before its system text: it differs from request to request, and servers drop it for that.
 * @returns undefined when it has no messages, or one without a role
 */
export function anthropicChat(body: JsonObject): ChatPrompt | undefined {
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  const chat: ChatMessage[] = [];
  const system = systemText(body.system);
  if (system !== "") chat.push({ role: "system", content: system });
  for (const value of messages) {
    const message = asObject(value);
    const role = asText(message?.role);
    if (!message || role === undefined) return undefined;
    if (role === "system") chat.push({ role, content: systemText(message.content) });
    else addMessage(chat, role, message.content);
  }
  const tools = asArray(body.tools).map(openaiTool);
  return { messages: chat, tools, toolsFirst: true, templateFields: templateFields(body) };
}

function systemText(system: unknown): string {
  if (typeof system === "string") return isBilling(system) ? "" : system;
  return asArray(system)
    .map((block) => asText(asObject(block)?.text) ?? "")
    .filter((text) => !isBilling(text))
    .join("");
}

function isBilling(text: string): boolean {
  return text.startsWith("x-anthropic-billing-header");
}

function addMessage(chat: ChatMessage[], role: string, content: unknown): void {
  if (!Array.isArray(content)) {
    chat.push({ role, content });
    return;
  }
  const parts: unknown[] = [];
  const calls: unknown[] = [];
  let reasoning = "";
  for (const value of content) {
    const block = asObject(value) ?? {};
    const { type } = block;
    if (type === "text") parts.push({ type: "text", text: asText(block.text) ?? "" });
    else if (type === "thinking") reasoning += asText(block.thinking) ?? "";
    else if (type === "redacted_thinking") continue;
    else if (type === "tool_use") calls.push(toolCall(block));
    else if (type === "tool_result" && role === "user") addToolResult(chat, block);
    else parts.push(...mediaParts(block));
  }
  if (parts.length === 0 && calls.length === 0 && reasoning === "") return;
  const only = asObject(parts[0]);
  const text = parts.length === 1 && only?.type === "text" ? only.text : parts;
  chat.push({
    role,
    ...(parts.length > 0 && { content: text }),
    ...(reasoning !== "" && { reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  });
}

function addToolResult(chat: ChatMessage[], block: JsonObject): void {
  const { content } = block;
  const inner = typeof content === "string" ? [{ type: "text", text: content }] : asArray(content);
  const texts: string[] = [];
  const things: unknown[] = [];
  for (const value of inner) {
    const text = asText(asObject(value)?.text);
    if (text !== undefined) texts.push(text);
    else if (asObject(value)) things.push(...mediaParts(value as JsonObject));
  }
  chat.push({ role: "tool", tool_call_id: asText(block.tool_use_id) ?? "", content: texts.join("\n") });
  if (things.length > 0) chat.push({ role: "user", content: things });
}

/** An image as OpenAI writes it; a document of plain text as text; others as they are. */
function mediaParts(block: JsonObject): unknown[] {
  const source = asObject(block.source);
  if (block.type === "image" && source) {
    const url =
      asText(source.url) ??
      `data:${asText(source.media_type) ?? "image/jpeg"};base64,${asText(source.data) ?? ""}`;
    return [{ type: "image_url", image_url: { url } }];
  }
  if (block.type === "document" && source?.type === "text")
    return [{ type: "text", text: asText(source.data) ?? "" }];
  if (block.type === "document" && source?.type === "content") {
    if (typeof source.content === "string") return [{ type: "text", text: source.content }];
    return asArray(source.content).flatMap((inner) => mediaParts(asObject(inner) ?? {}));
  }
  return [block];
}

function toolCall(block: JsonObject) {
  const call = { name: asText(block.name) ?? "", arguments: JSON.stringify(block.input ?? {}) };
  return { id: asText(block.id) ?? "", type: "function", function: call };
}

/** Tools that the server runs itself have a type and no schema, and stay as they are. */
function openaiTool(tool: unknown): unknown {
  const fields = asObject(tool);
  if (!fields || fields.input_schema === undefined) return tool;
  const { name, description, input_schema: parameters } = fields;
  return {
    type: "function",
    function: { name, ...(description !== undefined && { description }), parameters },
  };
}
