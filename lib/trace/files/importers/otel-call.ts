import { isJsonObject, type JsonObject } from "../../../base/index.js";
import type { LoggedCall } from "./logged-calls.js";
import type { Span, SpanEvent } from "./otel-spans.js";
import { contentText, messageParts, messageText, type PromptPart, type UsageCounts } from "./text-prompt.js";
import type { TraceBuilder } from "./trace-builder.js";

const operations = new Set(["chat", "text_completion", "generate_content", "completion"]);

/**
 * The call that a span is, by its gen_ai attributes (semantic conventions v1.37 and after, older names, and those that
 * instrumentations have beside them); undefined for a span that is no call of a model.
 *
 * - `gen_ai.usage.input_tokens` includes the cached ones; where more came from the cache than it counts, an instrumentation
 *   reports Anthropic's count, which does not: then they are added, and the row is counted.
 * - Texts: `gen_ai.system_instructions`, `gen_ai.tool.definitions`, `gen_ai.input.messages`, `gen_ai.output.messages` as lists or
 *   as their JSON, on the span or on one event `gen_ai.client.inference.operation.details`; or one event a message
 *   (`gen_ai.user.message`, ..., `gen_ai.choice`); or `gen_ai.output.text`, `gen_ai.prompt.N.content`.
 */
export function spanCall(span: Span, line: number, builder: TraceBuilder): LoggedCall | undefined {
  const details = span.events.find(({ name }) => name === "gen_ai.client.inference.operation.details");
  const of: JsonObject = { ...details?.attributes, ...span.attributes };
  const operation = of["gen_ai.operation.name"];
  const isCall =
    operation === undefined ? of["gen_ai.request.model"] !== undefined : operations.has(String(operation));
  if (!isCall) {
    builder.count("span that is no call of a model, left out", line);
    return undefined;
  }
  const parts = partsOf(of, span.events);
  const answer = answerOf(of, span.events);
  const { startMs, endMs } = span;
  const first = number(of, ["gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"]);
  const isFailed = span.isFailed || of["error.type"] !== undefined;
  const model = of["gen_ai.response.model"] ?? of["gen_ai.request.model"];
  const sessionKey = Object.keys(of).find((key) => /(^|\.)session\.id$/.test(key));
  const session = of["gen_ai.conversation.id"] ?? (sessionKey && of[sessionKey]) ?? span.traceId;
  return {
    line,
    prompt: parts.length > 0 ? parts : undefined,
    answer,
    usage: usageOf(of, line, builder),
    ...limitOf(of),
    startMs,
    ttftMs: first === undefined ? undefined : first * 1000,
    elapsedMs: startMs === undefined || endMs === undefined ? undefined : Math.max(0, endMs - startMs),
    finishReason: isFailed ? "error" : finishOf(of),
    requestId: span.spanId,
    session: typeof session === "string" ? session : undefined,
    ...(typeof model === "string" && { extra: { model } }),
  };
}

function limitOf(of: JsonObject) {
  const limit = number(of, ["gen_ai.request.max_tokens"]);
  return limit === undefined ? {} : { limit };
}

function finishOf(of: JsonObject): string | undefined {
  const given = json(of["gen_ai.response.finish_reasons"] ?? of["gen_ai.response.finish_reason"]);
  const first: unknown = Array.isArray(given) ? given[0] : given;
  return typeof first === "string" ? first : undefined;
}

function usageOf(of: JsonObject, line: number, builder: TraceBuilder): UsageCounts {
  const input = number(of, ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]);
  const output = number(of, ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"]);
  const cached = number(of, [
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_tokens",
    "cache_read_input_tokens",
  ]);
  const written = number(of, [
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
  ]);
  const isWithout = input !== undefined && cached !== undefined && cached > input;
  if (isWithout)
    builder.count(
      "more tokens from the cache than in the prompt: counted beside each other, and added up",
      line,
    );
  const promptTokens = isWithout ? input + cached + (written ?? 0) : input;
  const reasoning = number(of, ["gen_ai.usage.reasoning.output_tokens"]);
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(cached !== undefined && { cachedTokens: cached }),
    ...(output !== undefined && { outputTokens: output }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
  };
}

function partsOf(of: JsonObject, events: readonly SpanEvent[]): PromptPart[] {
  const tools = json(of["gen_ai.tool.definitions"]);
  const system = systemText(json(of["gen_ai.system_instructions"]));
  const input = json(of["gen_ai.input.messages"] ?? of["gen_ai.prompt"]);
  const head = { ...(tools !== undefined && { tools }), ...(system !== undefined && { system }) };
  if (Array.isArray(input)) return messageParts(input as unknown[], head);
  if (typeof input === "string") return [...messageParts([], head), { role: "user", text: input }];
  const said = events.flatMap(({ name, attributes, body }) => {
    const role = /^gen_ai\.(system|user|assistant|tool)\.message$/.exec(name)?.[1];
    return role === undefined ? [] : [messageOf(role, attributes, body)];
  });
  if (said.length > 0) return messageParts(said, head);
  return messageParts(indexed(of, "gen_ai.prompt"), head);
}

function answerOf(of: JsonObject, events: readonly SpanEvent[]): string | undefined {
  const output = json(of["gen_ai.output.messages"] ?? of["gen_ai.output.text"] ?? of["gen_ai.completion"]);
  if (typeof output === "string") return output;
  if (Array.isArray(output)) return (output as unknown[]).filter(isJsonObject).map(messageText).join("");
  const choice = events.find(({ name }) => name === "gen_ai.choice");
  if (choice) {
    const message = messageOf("assistant", choice.attributes, choice.body);
    return messageText(isJsonObject(message.message) ? message.message : message);
  }
  const [first] = indexed(of, "gen_ai.completion");
  return first && messageText(first);
}

/** An event of one message: what it says stands in its body, or in attributes. */
function messageOf(role: string, attributes: JsonObject, body: unknown): JsonObject {
  const given = isJsonObject(body) ? body : {};
  const content = attributes.content ?? attributes["gen_ai.event.content"] ?? given.content ?? body;
  return { role, ...attributes, ...given, ...(typeof content === "string" && { content }) };
}

/** Attributes `PREFIX.0.role`, `PREFIX.0.content`, ... as messages. */
function indexed(of: JsonObject, prefix: string): JsonObject[] {
  const messages: JsonObject[] = [];
  for (
    let at = 0;
    of[`${prefix}.${at}.content`] !== undefined || of[`${prefix}.${at}.role`] !== undefined;
    at++
  )
    messages.push({
      role: of[`${prefix}.${at}.role`] ?? "user",
      content: of[`${prefix}.${at}.content`] ?? "",
    });
  return messages;
}

function systemText(given: unknown): string | undefined {
  const text = contentText(given);
  return text === "" ? undefined : text;
}

/** A value, or what its text is the JSON of. */
function json(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function number(of: JsonObject, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = of[name];
    const known = typeof value === "string" && value !== "" ? Number(value) : value;
    if (typeof known === "number" && known >= 0 && Number.isFinite(known)) return known;
  }
  return undefined;
}
