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

const DONE = "data: [DONE]\n\n";

/** How one endpoint says what the engine generates. */
export interface AnswerFormat {
  /** What a stream says before the first token, if anything. */
  opening(promptTokenIds: readonly number[] | undefined, usage: AnswerUsage): string;
  /** One streamed piece. */
  piece(part: AnswerPart): string;
  /**
   * What a stream says after its last piece.
   * @param whole the answer
   * @param includeUsage the client asked for the counts, where an API has it asked
   */
  closing(whole: AnswerPart, usage: AnswerUsage, includeUsage: boolean): string;
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
    closing: (_whole, usage, includeUsage) =>
      `${includeUsage ? event({ ...head, choices: [], usage: usageJson(usage) }) : ""}${DONE}`,
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
    closing: (_whole, usage, includeUsage) =>
      `${includeUsage ? event({ ...chunk, choices: [], usage: usageJson(usage) }) : ""}${DONE}`,
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

/** `/v1/responses`, as OpenAI documents it: named events, numbered in order, the last of which has the whole answer. */
export function responsesFormat(id: string, createdS: number, model: string): AnswerFormat {
  const itemId = `msg_${id}`;
  let number = 0;
  const named = (type: string, fields: object) =>
    namedEvent(type, { type, sequence_number: number++, ...fields });
  const text = (value: string) => ({ type: "output_text", text: value, annotations: [] });
  const item = (status: string, content: readonly object[]) => ({
    id: itemId,
    type: "message",
    role: "assistant",
    status,
    content,
  });
  const response = (status: string, output: readonly object[], usage: AnswerUsage | undefined) => ({
    id: `resp_${id}`,
    object: "response",
    created_at: createdS,
    model,
    status,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    output,
    usage: usage ? responsesUsageJson(usage) : null,
  });
  const statusOf = (part: AnswerPart) => (part.finishReason === "length" ? "incomplete" : "completed");
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  return {
    opening: () =>
      [
        named("response.created", { response: response("in_progress", [], undefined) }),
        named("response.output_item.added", { output_index: 0, item: item("in_progress", []) }),
        named("response.content_part.added", { ...place, part: text("") }),
      ].join(""),
    piece: (part) => named("response.output_text.delta", { ...place, delta: part.text }),
    closing: (whole, usage) => {
      const status = statusOf(whole);
      const done = item(status, [text(whole.text)]);
      return [
        named("response.output_text.done", { ...place, text: whole.text }),
        named("response.content_part.done", { ...place, part: text(whole.text) }),
        named("response.output_item.done", { output_index: 0, item: done }),
        named(`response.${status}`, { response: response(status, [done], usage) }),
      ].join("");
    },
    whole: (part, usage) => {
      const status = statusOf(part);
      return JSON.stringify(response(status, [item(status, [text(part.text)])], usage));
    },
  };
}

/** `/v1/messages`, as Anthropic documents it: the prompt's counts come first, those of the answer last. */
export function messagesFormat(id: string, _createdS: number, model: string): AnswerFormat {
  const message = (content: readonly object[], stopReason: string | null, usage: object) => ({
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage,
  });
  const stopReason = (part: AnswerPart) => (part.finishReason === "length" ? "max_tokens" : "end_turn");
  const named = (type: string, fields: object) => namedEvent(type, { type, ...fields });
  return {
    opening: (_promptTokenIds, usage) =>
      named("message_start", {
        message: message([], null, { ...messagesUsageJson(usage), output_tokens: 0 }),
      }) + named("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    piece: (part) =>
      named("content_block_delta", { index: 0, delta: { type: "text_delta", text: part.text } }),
    closing: (whole, usage) =>
      named("content_block_stop", { index: 0 }) +
      named("message_delta", {
        delta: { stop_reason: stopReason(whole), stop_sequence: null },
        usage: { output_tokens: usage.completionTokens },
      }) +
      named("message_stop", {}),
    whole: (part, usage) =>
      JSON.stringify(
        message([{ type: "text", text: part.text }], stopReason(part), messagesUsageJson(usage)),
      ),
  };
}

function responsesUsageJson(usage: AnswerUsage) {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}

/** Three disjoint counts of the prompt. */
function messagesUsageJson(usage: AnswerUsage) {
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.completionTokens,
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

function namedEvent(name: string, value: unknown): string {
  return `event: ${name}\n${event(value)}`;
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
