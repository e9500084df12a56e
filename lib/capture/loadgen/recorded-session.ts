import { InputError } from "../../base/index.js";
import { type ChatMessage, chatText } from "../wire/index.js";
import type { PromptSource } from "./conversation.js";
import type { Endpoint } from "./endpoint.js";
import type { Exchange } from "./exchange.js";
import type { Prompt } from "./prompt.js";
import type { RecordedConversation } from "./read-conversations.js";

/** A recorded conversation while it is sent again. */
export interface RecordedSession extends PromptSource {
  /** Appends what was said in turn `index`, from 0. */
  say(index: number): void;
  /** Appends the answer to it. */
  hear(index: number, exchange: Exchange): void;
}

/** How recorded conversations are sent. */
export interface RecordedStyle {
  readonly endpoint: Endpoint;
  /** Whether a later turn goes on from the answer that the server gives now, or from the one in the file. */
  readonly answers: "real" | "recorded";
  readonly charactersPerToken: number;
}

/**
 * Starts a recorded conversation. Through `completions` it goes as one text in the style of ChatML. An answer that called
 * tools stays as it was recorded: what was said next are the results of those calls.
 */
export function recordedSession(
  { turns, tools }: RecordedConversation,
  { endpoint, answers, charactersPerToken }: RecordedStyle,
): RecordedSession {
  const messages: ChatMessage[] = [];
  return {
    say: (index) => void messages.push(...turns[index].says),
    hear: (index, exchange) => {
      const { answer } = turns[index];
      const isKept = answer !== undefined && (answers === "recorded" || callsTools(answer));
      messages.push(isKept ? answer : { role: "assistant", content: exchange.text });
    },
    prompt: (): Prompt => {
      if (endpoint === "completions") return { kind: "text", text: chatText(messages) };
      return { kind: "messages", messages: [...messages], ...(tools && { tools }) };
    },
    tokenIds: () => undefined,
    tokens: () => Math.round(chatText(messages).length / charactersPerToken),
  };
}

/** The answer calls tools, whose results are said next. */
export function callsTools(answer: ChatMessage): boolean {
  return Array.isArray(answer.tool_calls) && answer.tool_calls.length > 0;
}

/**
 * Checks that a conversation can be sent through an endpoint.
 * @throws InputError where it holds more than text, which only chats take as it is recorded
 */
export function requireSendable({ turns, tools }: RecordedConversation, endpoint: Endpoint): void {
  if (endpoint === "chat") return;
  const messages = turns.flatMap(({ says, answer }) => (answer ? [...says, answer] : says));
  const beside = messages.find(
    (message) => typeof message.content !== "string" || message.role === "tool" || callsTools(message),
  );
  if (beside !== undefined || tools)
    throw new InputError(
      `it has tools or parts that are no text: endpoint must be chat for those, got ${endpoint}`,
    );
}
