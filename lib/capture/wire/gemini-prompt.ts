import { asObject, type JsonObject } from "../../base/index.js";
import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import { asArray, asText } from "./json-object.js";
import { templateFields } from "./openai-prompt.js";

/**
 * The chat of a body of Google's `generateContent`, turned into OpenAI's form; names in camel case or, as the API takes
 * them too, in snake case. The model's role is "assistant", a function's response is a message of role "tool".
 * @returns undefined when it has no contents
 */
export function geminiChat(body: JsonObject): ChatPrompt | undefined {
  const { contents } = body;
  const list = Array.isArray(contents) ? contents : contents === undefined ? [] : [contents];
  if (list.length === 0) return undefined;
  const messages: ChatMessage[] = [];
  // A prefix that the server keeps: its content is not known, its name tells it from others.
  const cached = asText(body.cachedContent ?? body.cached_content);
  if (cached !== undefined) messages.push({ role: "system", content: [{ type: "file", cached }] });
  const system = body.systemInstruction ?? body.system_instruction;
  if (system !== undefined) addContent(messages, "system", system);
  for (const content of list) {
    if (typeof content === "string") messages.push({ role: "user", content });
    else {
      const fields = asObject(content);
      if (!fields) return undefined;
      const role = asText(fields.role) ?? "user";
      addContent(messages, role === "model" ? "assistant" : role, fields);
    }
  }
  const tools = asArray(body.tools).flatMap((tool) => {
    const fields = asObject(tool);
    const declared = fields?.functionDeclarations ?? fields?.function_declarations;
    return Array.isArray(declared)
      ? declared.map((declaration: unknown) => ({ type: "function", function: declaration }))
      : [tool];
  });
  return { messages, tools, toolsFirst: false, templateFields: templateFields(body) };
}

function addContent(messages: ChatMessage[], role: string, content: unknown): void {
  if (typeof content === "string") {
    messages.push({ role, content });
    return;
  }
  const parts: unknown[] = [];
  const calls: unknown[] = [];
  let reasoning = "";
  for (const value of asArray(asObject(content)?.parts ?? content)) {
    const part = asObject(value) ?? {};
    const text = asText(part.text);
    const call = asObject(part.functionCall ?? part.function_call);
    const answer = asObject(part.functionResponse ?? part.function_response);
    if (text !== undefined && part.thought === true) reasoning += text;
    else if (text !== undefined) parts.push({ type: "text", text });
    else if (call)
      calls.push({
        id: asText(call.id) ?? "",
        type: "function",
        function: { name: asText(call.name) ?? "", arguments: JSON.stringify(call.args ?? {}) },
      });
    else if (answer)
      messages.push({
        role: "tool",
        tool_call_id: asText(answer.id) ?? asText(answer.name) ?? "",
        content: JSON.stringify(answer.response ?? {}),
      });
    else parts.push(mediaPart(part));
  }
  if (parts.length === 0 && calls.length === 0 && reasoning === "") return;
  const only = asObject(parts[0]);
  const whole = parts.length === 1 && only?.type === "text" ? only.text : parts;
  messages.push({
    role,
    ...(parts.length > 0 && { content: whole }),
    ...(reasoning !== "" && { reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  });
}

function mediaPart(part: JsonObject): unknown {
  const sent = asObject(part.inlineData ?? part.inline_data);
  const mime = asText(sent?.mimeType ?? sent?.mime_type);
  if (!sent || !mime?.startsWith("image/")) return part;
  return { type: "image_url", image_url: { url: `data:${mime};base64,${asText(sent.data) ?? ""}` } };
}
