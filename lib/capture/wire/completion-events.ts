import { isTokenId } from "./token-id.js";

/** What one message of a completion response says: a streamed event, or the body of an answer that is not streamed. */
export interface CompletionEvent {
  readonly choices: readonly ChoiceDelta[];
  readonly usage?: CompletionUsage;
  /** The prompt's token ids, where the server returns them beside the choices (chat). */
  readonly promptTokenIds?: readonly number[];
  /** The error that the server reports in the stream, in its own words. */
  readonly errorMessage?: string;
}

/** What an event adds to one choice. */
export interface ChoiceDelta {
  readonly index: number;
  /** Text, reasoning or tool arguments arrived: at least one token. */
  readonly hasText: boolean;
  readonly text: string;
  /** Ids of the tokens in the event, where the server returns them (vLLM: `return_token_ids`). */
  readonly tokenIds?: readonly number[];
  readonly promptTokenIds?: readonly number[];
  readonly finishReason?: string;
}

/** Token counts as the server reports them. */
export interface CompletionUsage {
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly cachedTokens?: number;
}

/**
 * Reads one message of `/v1/completions` or `/v1/chat/completions`, streamed (`text`, `delta`) or whole (`message`).
 * @returns undefined when it is no JSON object
 */
export function completionEvent(json: string): CompletionEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  const event = object(parsed);
  if (!event) return undefined;
  const choices = Array.isArray(event.choices) ? event.choices.flatMap(choiceDelta) : [];
  const usage = completionUsage(event.usage);
  const promptTokenIds = tokenIds(event.prompt_token_ids);
  const errorMessage = text(object(event.error)?.message) ?? text(event.error);
  return {
    choices,
    ...(usage && { usage }),
    ...(promptTokenIds && { promptTokenIds }),
    ...(errorMessage !== undefined && { errorMessage }),
  };
}

function choiceDelta(value: unknown, position: number): ChoiceDelta[] {
  const choice = object(value);
  if (!choice) return [];
  const message = object(choice.delta) ?? object(choice.message);
  const content = text(choice.text) ?? text(message?.content) ?? "";
  const reasoning = text(message?.reasoning) ?? text(message?.reasoning_content) ?? "";
  const calls = message?.tool_calls;
  const ids = tokenIds(choice.token_ids);
  const promptTokenIds = tokenIds(choice.prompt_token_ids);
  const finishReason = text(choice.finish_reason);
  return [
    {
      index: typeof choice.index === "number" ? choice.index : position,
      hasText: content !== "" || reasoning !== "" || (Array.isArray(calls) && calls.length > 0),
      text: content,
      ...(ids && { tokenIds: ids }),
      ...(promptTokenIds && { promptTokenIds }),
      ...(finishReason !== undefined && { finishReason }),
    },
  ];
}

function completionUsage(value: unknown): CompletionUsage | undefined {
  const usage = object(value);
  if (!usage) return undefined;
  const promptTokens = count(usage.prompt_tokens);
  const completionTokens = count(usage.completion_tokens);
  const cachedTokens = count(object(usage.prompt_tokens_details)?.cached_tokens);
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(completionTokens !== undefined && { completionTokens }),
    ...(cachedTokens !== undefined && { cachedTokens }),
  };
}

function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function tokenIds(value: unknown): number[] | undefined {
  return Array.isArray(value) && value.every(isTokenId) ? value : undefined;
}
