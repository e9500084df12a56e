import { describeValue, isJsonObject, type JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { looseObject, objectAt, optionalList, optionalText } from "./row-fields.js";
import { standIn } from "./stand-in.js";

/** One message of a prompt as text, behind its role; a lone one of role "prompt" is a prompt without messages. */
export interface PromptPart {
  readonly role: string;
  readonly text: string;
}

/**
 * The prompt of a request body: its parts in the order in which a chat template lays them out (tools, system, messages), or
 * the token ids that it gives. OpenAI's chat (`messages`, `tools`, `functions`), completions (`prompt`) and responses (`input`,
 * `instructions`), and Anthropic's messages, whose `system` stands beside them.
 * @throws RowError when it is none of these
 */
export function promptOf(body: JsonObject): readonly PromptPart[] | ArrayLike<number> {
  const { prompt } = body;
  if (typeof prompt === "string") return [{ role: "prompt", text: prompt }];
  if (Array.isArray(prompt)) {
    if (prompt.every((id): id is number => typeof id === "number" && id >>> 0 === id)) return prompt;
    throw new RowError("prompt must be a text or a list of token ids");
  }
  const messages = optionalList(body, "messages") ?? inputOf(body);
  if (!messages) throw new RowError("neither messages nor prompt: not the body of a completion request");
  return messageParts(messages, {
    tools: body.tools ?? body.functions,
    system: body.system ?? body.instructions,
  });
}

/** What stands before the messages of a prompt. */
export interface PromptHead {
  readonly tools?: unknown;
  readonly system?: unknown;
}

/** Messages as parts, behind tools and system text. @throws RowError when one of them is no object */
export function messageParts(messages: readonly unknown[], { tools, system }: PromptHead = {}): PromptPart[] {
  const head: PromptPart[] = [];
  if (tools !== undefined && tools !== null && !(Array.isArray(tools) && tools.length === 0))
    head.push({ role: "tools", text: typeof tools === "string" ? tools : JSON.stringify(tools) });
  const systemText = contentText(system);
  if (systemText !== "") head.push({ role: "system", text: systemText });
  return [
    ...head,
    ...messages.map((given, at) => {
      const message = objectAt(given, `messages[${at}]`);
      return { role: roleOf(message), text: messageText(message) };
    }),
  ];
}

/** The text of a message: its content or parts, and the calls of tools in it. */
export function messageText(message: JsonObject): string {
  const { content, parts, tool_calls: calls, function_call: call } = message;
  const called = calls === undefined || calls === null ? "" : JSON.stringify(calls);
  const single = call === undefined || call === null ? "" : JSON.stringify(call);
  if (
    content === undefined &&
    parts === undefined &&
    message.type !== undefined &&
    message.type !== "message"
  )
    return itemText(message);
  return `${contentText(content ?? parts)}${called}${single}`;
}

/** The text of a content: a text, or the texts of its parts; parts that are no text stand as JSON. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (!Array.isArray(content)) return JSON.stringify(content);
  return (content as unknown[])
    .map((part) => {
      if (typeof part === "string") return part;
      if (!isJsonObject(part)) return JSON.stringify(part);
      if (typeof part.text === "string") return part.text;
      if (/image|audio|video|media/.test(String(part.type))) return standIn(String(part.type), part);
      return part.type === "text" && typeof part.content === "string" ? part.content : JSON.stringify(part);
    })
    .join("");
}

/** The answer in a response body, as the next prompt repeats it: OpenAI's choices, Anthropic's content, responses' output. */
export function answerOf(response: JsonObject): string | undefined {
  const [choice] = (Array.isArray(response.choices) ? response.choices : []) as unknown[];
  if (isJsonObject(choice)) {
    const { message } = choice;
    return isJsonObject(message) ? messageText(message) : optionalText(choice, "text");
  }
  if (response.content !== undefined) return contentText(response.content);
  if (Array.isArray(response.output))
    return (response.output as unknown[])
      .map((item) => (isJsonObject(item) ? messageText(item) : ""))
      .join("");
  return undefined;
}

/** Why an answer ended, as its response says it. */
export function finishReasonOf(response: JsonObject): string | undefined {
  const [choice] = (Array.isArray(response.choices) ? response.choices : []) as unknown[];
  if (isJsonObject(choice)) return optionalText(choice, "finish_reason");
  const status = optionalText(response, "status");
  return optionalText(response, "stop_reason") ?? (status === "completed" ? "stop" : undefined);
}

/** What a server said it counted: in all its prompt, of that from its cache, in its answer. */
export interface UsageCounts {
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
}

/**
 * The counts in a usage object. OpenAI's `prompt_tokens` (or `input_tokens`) include the cached ones (`..._tokens_details`);
 * Anthropic's `input_tokens` do not: there the prompt is `input_tokens` + `cache_creation_input_tokens` +
 * `cache_read_input_tokens`, three counts that share nothing.
 */
export function usageCounts(usage: JsonObject): UsageCounts {
  const of = (...names: string[]): number | undefined => {
    for (const name of names) {
      const value = usage[name];
      if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
    }
    return undefined;
  };
  const detail = (names: readonly string[], field: string): number | undefined => {
    for (const name of names) {
      const value = looseObject(usage, name)[field];
      if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
    }
    return undefined;
  };
  const [read, written] = [of("cache_read_input_tokens"), of("cache_creation_input_tokens")];
  const input = of("input_tokens");
  const isDisjoint = usage.prompt_tokens === undefined && (read !== undefined || written !== undefined);
  const promptTokens =
    isDisjoint && input !== undefined ? input + (read ?? 0) + (written ?? 0) : (of("prompt_tokens") ?? input);
  const cachedTokens =
    detail(["prompt_tokens_details", "input_tokens_details"], "cached_tokens") ??
    read ??
    of("cached_tokens", "prompt_cache_hit_tokens");
  const outputTokens = of("completion_tokens", "output_tokens");
  const reasoningTokens = detail(["completion_tokens_details", "output_tokens_details"], "reasoning_tokens");
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(cachedTokens !== undefined && { cachedTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
  };
}

function inputOf({ input }: JsonObject): readonly unknown[] | undefined {
  if (typeof input === "string") return [{ role: "user", content: input }];
  return Array.isArray(input) ? (input as readonly unknown[]) : undefined;
}

function roleOf(message: JsonObject): string {
  if (typeof message.role === "string") return message.role;
  if (message.type === "function_call_output") return "tool";
  if (message.type === "function_call" || message.type === "reasoning") return "assistant";
  throw new RowError(`a message must have a role, got ${describeValue(message.role)}`);
}

/** An item of the responses API that is no message: a call, its output, reasoning. */
function itemText(item: JsonObject): string {
  const { id: _id, status: _status, ...said } = item;
  return JSON.stringify(said);
}
