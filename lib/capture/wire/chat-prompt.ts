import type { JsonObject } from "../../base/index.js";
import { type ChatMessage, chatFrame } from "./chat-text.js";
import { contentPieces, isThingField, type PromptPiece, promptJson, unsealed } from "./prompt-thing.js";

/** A chat as OpenAI's API writes it, whatever API it came in: what a chat template makes a prompt of. */
export interface ChatPrompt {
  readonly messages: readonly ChatMessage[];
  /** Tools that the model may call, as OpenAI's chat API has them. */
  readonly tools: readonly unknown[];
  /** Where the tools stand in the prompt: before the system text (Anthropic), or after it. */
  readonly toolsFirst: boolean;
  /** Further fields that a chat template or a tokenizer takes, by their wire names. */
  readonly templateFields: JsonObject;
}

/** A part of a chat's prompt: a message, or the tools. */
export interface ChatPart {
  /** "system", "tools", "user", "assistant", "tool", ... */
  readonly role: string;
  /** What it says, in its frame: all parts' pieces, one after another, are the prompt. */
  readonly pieces: readonly PromptPiece[];
}

/**
 * The parts of a chat in the order in which they stand in the prompt, in the frame of {@link chatText}: a chat of plain
 * messages has exactly that text, so that a later turn begins with the earlier one and its answer.
 */
export function chatParts(chat: ChatPrompt): readonly ChatPart[] {
  const parts = chat.messages.map(messagePart);
  if (chat.tools.length > 0) {
    const lead = parts.findIndex(({ role }) => role !== "system" && role !== "developer");
    const at = chat.toolsFirst ? 0 : lead < 0 ? parts.length : lead;
    const [before, after] = chatFrame("tools");
    const pieces = [before, ...chat.tools.map((tool) => `${promptJson(tool)}\n`), after];
    parts.splice(at, 0, { role: "tools", pieces });
  }
  return parts;
}

function messagePart(message: ChatMessage): ChatPart {
  const { role, content, ...rest } = message;
  const [before, after] = chatFrame(role);
  const pieces: PromptPiece[] = [before, ...contentPieces(content)];
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest))
    if (isThingField(name, value)) pieces.push(...contentPieces([value].flat()));
    else fields[name] = unsealed(value);
  const json = promptJson(fields);
  pieces.push(json === "{}" ? after : `${json}${after}`);
  return { role, pieces };
}
