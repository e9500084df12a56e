import { asObject, type JsonObject } from "../../base/index.js";
import { anthropicChat } from "./anthropic-prompt.js";
import type { ChatPrompt } from "./chat-prompt.js";
import type { ChatMessage } from "./chat-text.js";
import type { CompletionApi, CompletionEndpoint } from "./completion-api.js";
import { geminiChat } from "./gemini-prompt.js";
import { asArray, asCount, asText } from "./json-object.js";
import { ollamaChat, ollamaPrompt } from "./ollama-prompt.js";
import { openaiChat, openaiPrompts } from "./openai-prompt.js";
import type { PromptSource } from "./prompt-source.js";
import { responsesChat } from "./responses-prompt.js";

/** What a completion request asks for, whatever API it speaks. */
export interface CompletionRequest {
  readonly api: CompletionApi;
  readonly model?: string;
  readonly prompts: readonly PromptSource[];
  /** Choices a prompt. */
  readonly n: number;
  readonly isStreamed: boolean;
  /** Most tokens that the client lets the answer have. */
  readonly maxOutputTokens?: number;
}

/** More choices than this in one request are forwarded and not recorded: no engine generates them. */
const MOST_CHOICES = 1024;

/** Names of the most tokens of an answer, in the body or its settings: OpenAI's, Google's, Ollama's, llama.cpp's. */
const LIMITS = [
  "max_completion_tokens",
  "max_output_tokens",
  "max_tokens",
  "maxOutputTokens",
  "num_predict",
  "n_predict",
];

/**
 * Reads the body of a completion request.
 * @param endpoint what its path says
 * @param body the parsed JSON
 * @param history what a conversation held before that the body only names (`previous_response_id`): its messages, or
 *   undefined where they are not known
 * @returns why it cannot be read, in a few words that repeat nothing of it, where it cannot
 */
export function completionRequest(
  endpoint: CompletionEndpoint,
  body: unknown,
  history: (id: string) => readonly ChatMessage[] | undefined = () => undefined,
): CompletionRequest | string {
  const fields = asObject(body);
  if (!fields) return "a body that is no JSON object";
  const tooMany = `more than ${MOST_CHOICES} choices in one request`;
  const list = asArray(fields.prompt);
  if (list.length > MOST_CHOICES && typeof list[0] !== "number") return tooMany;
  const prompts = promptsOf(endpoint.api, fields, history);
  if (!prompts || prompts.length === 0) return `a body of ${endpoint.api} without a prompt that can be read`;
  const settings = asObject(fields.generationConfig ?? fields.generation_config) ?? asObject(fields.options);
  const n = Math.max(1, asCount(fields.n) ?? asCount(settings?.candidateCount) ?? 1);
  if (prompts.length * n > MOST_CHOICES) return tooMany;
  const model = asText(fields.model) ?? endpoint.model;
  const maxOutputTokens = [fields, settings]
    .flatMap((source) => LIMITS.map((name) => asCount(source?.[name])))
    .find((limit) => limit !== undefined);
  const streamsUnasked = endpoint.api.startsWith("ollama");
  return {
    api: endpoint.api,
    prompts,
    n,
    isStreamed: endpoint.isStreamed ?? (streamsUnasked ? fields.stream !== false : fields.stream === true),
    ...(model !== undefined && { model }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

function promptsOf(
  api: CompletionApi,
  body: JsonObject,
  history: (id: string) => readonly ChatMessage[] | undefined,
): PromptSource[] | undefined {
  const ofChat = (chat: ChatPrompt | undefined): PromptSource[] | undefined =>
    chat && [{ kind: "chat", chat }];
  switch (api) {
    case "completions":
      return openaiPrompts(body);
    case "chat":
      return body.messages === undefined && body.prompt !== undefined
        ? openaiPrompts(body)
        : ofChat(openaiChat(body));
    case "responses": {
      const id = historyId(body);
      const before = id === undefined ? [] : history(id);
      if (!before) return [{ kind: "unknown", reason: "the conversation before it is not known" }];
      return ofChat(responsesChat(body, before));
    }
    case "messages":
      return ofChat(anthropicChat(body));
    case "gemini":
      return ofChat(geminiChat(body));
    case "ollama-chat":
      return ofChat(ollamaChat(body));
    case "ollama-generate": {
      const prompt = ollamaPrompt(body);
      return prompt && [prompt];
    }
  }
}

/** The name of what the server holds of the conversation: `previous_response_id`, or the `conversation`. */
export function historyId(body: JsonObject): string | undefined {
  return (
    asText(body.previous_response_id) ?? asText(body.conversation) ?? asText(asObject(body.conversation)?.id)
  );
}
