/** One message of a chat request: only the fields that become prompt text. */
export interface ChatMessage {
  readonly role: string;
  /** Text, parts (`{type: "text", text}` and others), or nothing in a turn that only calls tools. */
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/**
 * A chat as one text, in the style of ChatML: a plain stand-in for a model's chat template. A later turn of the
 * same conversation begins with the text of the earlier turn and its answer, so that sharing is kept.
 * @param messages the conversation, oldest first
 */
export function chatText(messages: readonly ChatMessage[]): string {
  const turns = messages.map((message) => {
    const [before, after] = chatFrame(message.role);
    return before + messageText(message) + after;
  });
  return turns.join("") + ANSWER_BEGIN;
}

/** What a chat's text ends with: the frame of the answer, begun. */
export const ANSWER_BEGIN = "<|im_start|>assistant\n";

/** What stands before and behind a message of a role. */
export function chatFrame(role: string): readonly [before: string, after: string] {
  return [`<|im_start|>${role}\n`, "<|im_end|>\n"];
}

function messageText(message: ChatMessage): string {
  const { role: _role, content, ...rest } = message;
  const text = contentText(content);
  return Object.keys(rest).length === 0 ? text : `${text}${JSON.stringify(rest)}`;
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map((part) => (isTextPart(part) ? part.text : JSON.stringify(part))).join("");
}

function isTextPart(part: unknown): part is { readonly text: string } {
  return typeof part === "object" && part !== null && "text" in part && typeof part.text === "string";
}
