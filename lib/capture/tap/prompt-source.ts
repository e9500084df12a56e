import type { Tokens } from "../../base/index.js";
import { byteTokens, type ChatMessage, chatText, isTokenId } from "../wire/index.js";

/** One prompt of a request, as the client sent it. */
export type PromptSource =
  | { readonly kind: "ids"; readonly ids: Uint32Array }
  | {
      readonly kind: "text";
      readonly text: string;
      readonly tokenizeBody: Readonly<Record<string, unknown>>;
    };

/** What the tap reads out of a completion request. */
export interface CompletionRequest {
  readonly prompts: readonly PromptSource[];
  /** Choices a prompt. */
  readonly n: number;
  readonly isStreamed: boolean;
  readonly model?: string;
  /** The most output tokens a choice that the client asked for. */
  readonly maxOutputTokens?: Tokens;
}

/** More choices than this in one request are forwarded and not recorded: no engine generates them. */
const MOST_CHOICES = 1024;

/** Fields of a request that decide how the server tokenizes it, passed on to its `/tokenize`. */
const TOKENIZE_FIELDS = [
  "model",
  "add_special_tokens",
  "add_generation_prompt",
  "continue_final_message",
  "chat_template",
  "chat_template_kwargs",
  "mm_processor_kwargs",
  "tools",
];

/**
 * Reads the body of a `/v1/completions` or `/v1/chat/completions` request.
 * @param body the parsed JSON
 * @returns undefined when there is no prompt in it that could be fingerprinted
 */
export function completionRequest(body: unknown): CompletionRequest | undefined {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
  const fields = body as Readonly<Record<string, unknown>>;
  const prompts = promptSources(fields);
  if (!prompts || prompts.length === 0) return undefined;
  const n = typeof fields.n === "number" && Number.isSafeInteger(fields.n) && fields.n > 0 ? fields.n : 1;
  if (prompts.length * n > MOST_CHOICES) return undefined;
  const asked = fields.max_completion_tokens ?? fields.max_tokens;
  const mostTokens = typeof asked === "number" && asked > 0 ? asked : undefined;
  return {
    prompts,
    n,
    isStreamed: fields.stream === true,
    ...(typeof fields.model === "string" && { model: fields.model }),
    ...(mostTokens !== undefined && { maxOutputTokens: mostTokens }),
  };
}

/** Token ids of a text prompt where the server has no tokenizer to ask. */
export function promptByteTokens(prompt: PromptSource): Uint32Array {
  return prompt.kind === "ids" ? prompt.ids : Uint32Array.from(byteTokens(prompt.text));
}

function promptSources(fields: Readonly<Record<string, unknown>>): PromptSource[] | undefined {
  const { messages, prompt } = fields;
  if (Array.isArray(messages)) {
    if (!messages.every(isMessage)) return undefined;
    return [
      { kind: "text", text: chatText(messages), tokenizeBody: { ...tokenizeFields(fields), messages } },
    ];
  }
  const single = promptSource(prompt, fields);
  if (single) return [single];
  if (!Array.isArray(prompt)) return undefined;
  const many = prompt.map((entry) => promptSource(entry, fields));
  return many.every((source): source is PromptSource => source !== undefined) ? many : undefined;
}

function promptSource(value: unknown, fields: Readonly<Record<string, unknown>>): PromptSource | undefined {
  if (typeof value === "string")
    // `content` is what llama.cpp calls it; servers pass over the name they do not know.
    return {
      kind: "text",
      text: value,
      tokenizeBody: { ...tokenizeFields(fields), prompt: value, content: value },
    };
  if (!Array.isArray(value) || value.length === 0 || !value.every(isTokenId)) return undefined;
  return { kind: "ids", ids: Uint32Array.from(value) };
}

function tokenizeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    TOKENIZE_FIELDS.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]),
  );
}

function isMessage(value: unknown): value is ChatMessage {
  return typeof value === "object" && value !== null && "role" in value && typeof value.role === "string";
}
