import type { JsonObject } from "../../base/index.js";
import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import { asArray, asText } from "./json-object.js";
import { openaiChat } from "./openai-prompt.js";
import type { PromptSource } from "./prompt-source.js";

/**
 * The chat of a body of Ollama's `/api/chat`: OpenAI's form, but for images, which stand beside the text of a message.
 * @returns undefined when it has no messages, or one without a role
 */
export function ollamaChat(body: JsonObject): ChatPrompt | undefined {
  const chat = openaiChat(body);
  return chat && { ...chat, messages: chat.messages.map(withImages) };
}

/**
 * The prompt of a body of Ollama's `/api/generate`: with `raw` the text as it is, else a chat of one turn, which the
 * model's template (or that of the body) makes a prompt of.
 * @returns undefined when it has no prompt
 */
export function ollamaPrompt(body: JsonObject): PromptSource | undefined {
  const text = asText(body.prompt);
  if (text === undefined) return undefined;
  const images = asArray(body.images);
  if (body.raw === true && images.length === 0) return { kind: "text", text, tokenizeFields: {} };
  const system = asText(body.system);
  const messages: ChatMessage[] = [];
  if (system !== undefined && system !== "") messages.push({ role: "system", content: system });
  // Tokens of the turns before, as an earlier answer gave them out.
  const context = asArray(body.context);
  if (context.length > 0) messages.push({ role: "context", content: context.join(" ") });
  const { suffix } = body;
  messages.push(
    withImages({ role: "user", content: text, images, ...(typeof suffix === "string" && { suffix }) }),
  );
  const template = asText(body.template);
  return {
    kind: "chat",
    chat: {
      messages,
      tools: [],
      toolsFirst: false,
      templateFields: template === undefined || template === "" ? {} : { chat_template: template },
    },
  };
}

/** Images come before the text in the prompt. */
function withImages(message: ChatMessage): ChatMessage {
  const { images, ...rest } = message;
  const list = asArray(images);
  if (list.length === 0) return rest;
  const parts = list.map((image) => ({ type: "image_url", image_url: { url: asText(image) ?? "" } }));
  const said = rest.content == null ? [] : [rest.content].flat();
  return { ...rest, content: [...parts, ...said] };
}
