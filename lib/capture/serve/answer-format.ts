import type { Tokens } from "../../base/index.js";

/** Token counts of a finished request. */
export interface AnswerUsage {
  readonly promptTokens: Tokens;
  readonly completionTokens: Tokens;
  readonly cachedTokens: Tokens;
}

/** A piece of an answer, or the whole of it. */
export interface AnswerPart {
  readonly text: string;
  /** Given when the client asked for token ids. */
  readonly tokenIds?: readonly number[];
  /** With the first part, when the client asked for token ids. */
  readonly promptTokenIds?: readonly number[];
  /** With the last part. */
  readonly finishReason?: "stop" | "length";
}

/** How one endpoint says what the engine generates. */
export interface AnswerFormat {
  /** What a stream says before the first token, if anything. */
  opening(promptTokenIds: readonly number[] | undefined): string;
  /** One streamed piece. */
  piece(part: AnswerPart): string;
  /** The last streamed event, with the counts. */
  usage(usage: AnswerUsage): string;
  /** An answer that is not streamed. */
  whole(part: AnswerPart, usage: AnswerUsage): string;
}

/** `/v1/completions`, as vLLM writes it. */
export function completionFormat(id: string, createdS: number, model: string): AnswerFormat {
  const head = { id: `cmpl-${id}`, object: "text_completion", created: createdS, model };
  const choice = (part: AnswerPart) => ({
    index: 0,
    text: part.text,
    logprobs: null,
    finish_reason: part.finishReason ?? null,
    stop_reason: null,
    ...(part.promptTokenIds && { prompt_token_ids: part.promptTokenIds }),
    ...(part.tokenIds && { token_ids: part.tokenIds }),
  });
  return {
    opening: () => "",
    piece: (part) => event({ ...head, choices: [choice(part)] }),
    usage: (usage) => event({ ...head, choices: [], usage: usageJson(usage) }),
    whole: (part, usage) => JSON.stringify({ ...head, choices: [choice(part)], usage: usageJson(usage) }),
  };
}

/** `/v1/chat/completions`, as vLLM writes it. */
export function chatFormat(id: string, createdS: number, model: string): AnswerFormat {
  const head = (object: string) => ({ id: `chatcmpl-${id}`, object, created: createdS, model });
  const chunk = head("chat.completion.chunk");
  const end = (part: AnswerPart) => ({
    logprobs: null,
    finish_reason: part.finishReason ?? null,
    ...(part.tokenIds && { token_ids: part.tokenIds }),
  });
  return {
    opening: (promptTokenIds) => {
      const delta = { role: "assistant", content: "" };
      const choices = [{ index: 0, delta, logprobs: null, finish_reason: null }];
      return event({ ...chunk, choices, ...(promptTokenIds && { prompt_token_ids: promptTokenIds }) });
    },
    piece: (part) =>
      event({ ...chunk, choices: [{ index: 0, delta: { content: part.text }, ...end(part) }] }),
    usage: (usage) => event({ ...chunk, choices: [], usage: usageJson(usage) }),
    whole: (part, usage) => {
      const message = { role: "assistant", content: part.text, refusal: null };
      return JSON.stringify({
        ...head("chat.completion"),
        choices: [{ index: 0, message, ...end(part) }],
        usage: usageJson(usage),
        ...(part.promptTokenIds && { prompt_token_ids: part.promptTokenIds }),
      });
    },
  };
}

function usageJson(usage: AnswerUsage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
  };
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
