import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import {
  asObject,
  describeValue,
  InputError,
  type JsonObject,
  type Ms,
  type Tokens,
} from "../../base/index.js";
import { asArray, asText, type ChatMessage } from "../wire/index.js";

/** One turn of a recorded conversation: what was said to the model, and what it answered. */
export interface RecordedTurn {
  /** Everything since the answer before: a question, results of tools, in the first turn also what the system says. */
  readonly says: readonly ChatMessage[];
  /** Undefined where the file holds none. */
  readonly answer?: ChatMessage;
  /** From the end of the answer before to this turn. */
  readonly thinkMs?: Ms;
  readonly outputTokens?: Tokens;
}

/** A conversation as a file tells it. */
export interface RecordedConversation {
  readonly turns: readonly RecordedTurn[];
  /** Tools that the model may call. */
  readonly tools?: readonly unknown[];
}

/** The conversations of a file, and what could not be used of it. */
export interface ReadConversations {
  readonly conversations: readonly RecordedConversation[];
  /** By line where the file has one conversation a line, else by place in its list, from 1. */
  readonly rejected: readonly { readonly line: number; readonly reason: string }[];
}

/** Lists of conversations in one document. */
const listNames = ["conversations", "data", "sessions", "records", "items"];

/**
 * Reads a file of conversations: one JSON document with a list of them, or one a line; `.gz` is decompressed. A
 * conversation is
 *
 * - OpenAI's: `{"messages": [{"role", "content"}, ...]}`, also within `body` (batch files) or as a bare list, with `tools`
 *   where the model may call some and `system` where that stands apart; a list of messages may have any name;
 * - ShareGPT's: `{"conversations": [{"from": "human" | "gpt" | "system", "value"}, ...]}`;
 * - AIPerf's multi-turn: `{"turns": [{"text", "role", "delay", "output_length"}, ...]}`, which holds no answers.
 *
 * A message or turn may tell how long the client thought before it: `delay` and `delay_ms` in milliseconds, `think_time_s`
 * in seconds. Every answer, and what comes last without one, ends a turn.
 * @throws InputError when the file cannot be read, or holds no conversation
 */
export async function readConversations(path: string): Promise<ReadConversations> {
  const where = `readConversations: ${path}`;
  let text: string;
  try {
    const bytes = await readFile(path);
    text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw new InputError(`${where} cannot be read: ${(error as Error).message}`);
  }
  const conversations: RecordedConversation[] = [];
  const rejected: { line: number; reason: string }[] = [];
  for (const { line, value, reason } of rows(text)) {
    try {
      if (reason !== undefined) throw new InputError(reason);
      conversations.push(conversation(value));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      rejected.push({ line, reason: error.message });
    }
  }
  if (conversations.length === 0) {
    const [first] = rejected;
    throw new InputError(
      `${where} holds no conversation${first ? `: ${rejected.length} rejected, the first in line ${first.line}: ${first.reason}` : ""}: give JSON, or one JSON object a line, with messages, conversations or turns`,
    );
  }
  return { conversations, rejected };
}

interface Row {
  readonly line: number;
  readonly value?: unknown;
  readonly reason?: string;
}

function rows(text: string): Row[] {
  const whole = parsed(text);
  if (whole.value !== undefined) return listed(whole.value).map((value, i) => ({ line: i + 1, value }));
  return text.split("\n").flatMap((line, i): Row[] => {
    if (line.trim() === "") return [];
    const { value, reason } = parsed(line);
    return [{ line: i + 1, ...(reason === undefined ? { value } : { reason }) }];
  });
}

function listed(document: unknown): readonly unknown[] {
  if (Array.isArray(document)) return isMessage(document[0]) ? [document] : document;
  const object = asObject(document);
  // ShareGPT has messages under the name that others have conversations under.
  const list = listNames.map((name) => object?.[name]).find(Array.isArray) as unknown[] | undefined;
  return list && !isMessage(list[0]) ? list : [document];
}

function isMessage(value: unknown): boolean {
  const object = asObject(value);
  return object !== undefined && ("role" in object || "from" in object);
}

function parsed(text: string): { readonly value?: unknown; readonly reason?: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { reason: `not JSON: ${(error as Error).message.slice(0, 80)}` };
  }
}

function conversation(value: unknown): RecordedConversation {
  const object = Array.isArray(value) ? { messages: value } : (asObject(value) ?? {});
  const inner = asObject(object.body) ?? object;
  const tools = asArray(inner.tools);
  const turns = Array.isArray(inner.turns)
    ? turnsAlone(inner.turns)
    : turnsOf(messagesIn(inner), asText(inner.system) ?? asText(inner.system_prompt));
  if (turns.length === 0)
    throw new InputError(
      `a conversation must have messages, conversations or turns in which something is said, got ${describeValue(value)}`,
    );
  return { turns, ...(tools.length > 0 && { tools }) };
}

/** Under the name that most have, else under any: the first list of what looks like messages. */
function messagesIn(object: JsonObject): readonly unknown[] {
  return (
    [object.messages, object.conversations, ...Object.values(object)]
      .map(asArray)
      .find((list) => isMessage(list[0])) ?? asArray(object.messages)
  );
}

function turnsOf(values: readonly unknown[], system: string | undefined): RecordedTurn[] {
  const turns: RecordedTurn[] = [];
  let says: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
  let thinkMs: Ms | undefined;
  values.forEach((value, i) => {
    const object = asObject(value);
    if (!object) throw new InputError(`message ${i + 1} must be an object, got ${describeValue(value)}`);
    const message = messageOf(object, i);
    thinkMs ??= delayMs(object);
    // An answer to nothing, as some files begin or go on after another one, is part of what is said next.
    if (message.role !== "assistant" || says.length === 0) says.push(message);
    else {
      turns.push({ says, answer: message, ...(turns.length > 0 && thinkMs !== undefined && { thinkMs }) });
      says = [];
      thinkMs = undefined;
    }
  });
  if (says.some(({ role }) => role !== "system" && role !== "assistant"))
    turns.push({ says, ...(turns.length > 0 && thinkMs !== undefined && { thinkMs }) });
  return turns;
}

const shareGptRoles: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  assistant: "assistant",
  model: "assistant",
  system: "system",
};

const chatFields = ["role", "content", "name", "tool_calls", "tool_call_id"];

function messageOf(object: JsonObject, index: number): ChatMessage {
  if (object.from !== undefined) {
    const role = shareGptRoles[String(object.from)];
    if (role === undefined || typeof object.value !== "string")
      throw new InputError(
        `message ${index + 1}: from must be one of ${Object.keys(shareGptRoles).join(", ")} with a text as value, got ${describeValue(object.from)}`,
      );
    return { role, content: object.value };
  }
  const role = asText(object.role);
  if (role === undefined || role === "")
    throw new InputError(`message ${index + 1}: role must be a text, got ${describeValue(object.role)}`);
  const { content } = object;
  const isCall = asArray(object.tool_calls).length > 0;
  if (typeof content !== "string" && !Array.isArray(content) && !(isCall && content == null))
    throw new InputError(
      `message ${index + 1}: content must be a text or a list of parts, got ${describeValue(content)}`,
    );
  return {
    ...Object.fromEntries(
      chatFields.flatMap((name) => (object[name] === undefined ? [] : [[name, object[name]]])),
    ),
    role,
    content: textAlone(content),
  };
}

/** Parts that are all text are one text, which every API takes. */
function textAlone(content: unknown): unknown {
  if (!Array.isArray(content)) return content ?? null;
  const texts = content.map((part) => asText(asObject(part)?.text) ?? asText(part));
  return texts.every((text) => text !== undefined) ? texts.join("") : content;
}

function turnsAlone(values: readonly unknown[]): RecordedTurn[] {
  const turns: RecordedTurn[] = [];
  let says: ChatMessage[] = [];
  values.forEach((value, i) => {
    const object = asObject(value) ?? {};
    const text = asText(object.text) ?? partTexts(object.texts);
    if (text === undefined)
      throw new InputError(`turn ${i + 1}: text must be a text, got ${describeValue(object.text)}`);
    const role = asText(object.role) ?? "user";
    says.push({ role, content: text });
    if (role === "system") return;
    const thinkMs = turns.length > 0 ? delayMs(object) : undefined;
    const outputTokens = object.output_length;
    turns.push({
      says,
      ...(thinkMs !== undefined && { thinkMs }),
      ...(typeof outputTokens === "number" &&
        Number.isSafeInteger(outputTokens) &&
        outputTokens > 0 && { outputTokens }),
    });
    says = [];
  });
  return turns;
}

function partTexts(value: unknown): string | undefined {
  const texts = asArray(value).flatMap((part) =>
    typeof part === "string"
      ? [part]
      : asArray(asObject(part)?.contents).filter((t) => typeof t === "string"),
  );
  return texts.length > 0 ? texts.join("\n") : undefined;
}

function delayMs(object: JsonObject): Ms | undefined {
  const ms = count(object.delay_ms) ?? count(object.delay);
  const seconds = count(object.think_time_s) ?? count(object.delay_s);
  return ms ?? (seconds === undefined ? undefined : seconds * 1000);
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
