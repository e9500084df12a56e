import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import { contentPieces, isThingField, type PromptThing } from "./prompt-thing.js";

/** The digests of the things in a chat, in the order in which they stand in its prompt. */
export function thingsOf(chat: ChatPrompt): string[] {
  return chat.messages.flatMap((message) => messageThings(message).map(({ digest }) => digest));
}

/** The chat without its images, files and the like: its text alone. */
export function withoutThings(chat: ChatPrompt): ChatPrompt {
  return { ...chat, messages: chat.messages.map(textOnly) };
}

/**
 * The chat as it begins, up to its thing number `index`, without the things before it.
 * @param mark text that is put where the thing stood
 */
export function cutBeforeThing(chat: ChatPrompt, index: number, mark: string): ChatPrompt {
  const messages: ChatMessage[] = [];
  let left = index;
  for (const message of chat.messages) {
    const count = messageThings(message).length;
    if (left >= count) {
      messages.push(textOnly(message));
      left -= count;
      continue;
    }
    messages.push({
      role: message.role,
      content: [...textBefore(message.content, left), { type: "text", text: mark }],
    });
    break;
  }
  return { ...chat, messages };
}

function messageThings({ role: _role, content, ...rest }: ChatMessage): PromptThing[] {
  const others = Object.entries(rest).flatMap(([name, value]) =>
    isThingField(name, value) ? [value].flat() : [],
  );
  return [...contentPieces(content), ...contentPieces(others)].filter((piece) => typeof piece !== "string");
}

function textOnly(message: ChatMessage): ChatMessage {
  const kept = Object.entries(message).filter(
    ([name, value]) => name === "content" || !isThingField(name, value),
  );
  const { content } = message;
  const texts = isList(content) ? content.filter(isText) : isText(content) ? content : [];
  return {
    ...Object.fromEntries(kept),
    role: message.role,
    ...("content" in message && { content: isList(texts) && texts.length === 0 ? "" : texts }),
  };
}

function textBefore(content: unknown, things: number): unknown[] {
  if (!isList(content)) return typeof content === "string" ? [{ type: "text", text: content }] : [];
  const before: unknown[] = [];
  let left = things;
  for (const part of content) {
    if (isText(part)) before.push(part);
    else if (left-- === 0) break;
  }
  return before;
}

function isText(part: unknown): boolean {
  return contentPieces([part]).every((piece) => typeof piece === "string");
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
