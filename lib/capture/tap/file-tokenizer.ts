import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Template } from "@huggingface/jinja";
import { asObject, InputError, type JsonObject } from "../../base/index.js";
import { openTokenizer } from "../../trace/files/index.js";
import { asArray, asText, type ChatPrompt } from "../wire/index.js";

/** A tokenizer given as a file, for servers that have none to ask. */
export interface FileTokenizer {
  /** It has a chat template, so that it can tell the ids of chats. */
  readonly hasTemplate: boolean;
  text(text: string): Uint32Array | undefined;
  /** Undefined where the template refuses the chat. */
  chat(chat: ChatPrompt): Uint32Array | undefined;
}

/**
 * A tokenizer from a file, see `openTokenizer`. Beside it, `tokenizer_config.json` has its special tokens and the chat
 * template, `chat_template.jinja` the template where that has none; without a template it tells texts alone.
 * @throws InputError when the file cannot be read as a tokenizer, or its template not as one
 */
export async function openFileTokenizer(path: string): Promise<FileTokenizer> {
  const separate = await readFile(join(dirname(path), "chat_template.jinja"), "utf8").catch(() => undefined);
  const { encode, config } = await openTokenizer(path);
  const source = chatTemplate(config.chat_template) ?? separate;
  const template = source === undefined ? undefined : templateOf(source, path);
  const ids = (text: string, special: boolean) => Uint32Array.from(encode(text, special));
  return {
    hasTemplate: template !== undefined,
    text: (text) => ids(text, true),
    // A template puts the special tokens where they belong itself.
    chat: (chat) => {
      const text = template && rendered(template, chat, config);
      return text === undefined ? undefined : ids(text, false);
    },
  };
}

function templateOf(source: string, path: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    throw new InputError(`tap: the chat template beside ${path} is none: ${(error as Error).message}`);
  }
}

/** One text, or several with names, of which the default one is taken. */
function chatTemplate(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const named = asArray(value).map(asObject);
  return asText((named.find((entry) => entry?.name === "default") ?? named[0])?.template);
}

function rendered(template: Template, chat: ChatPrompt, settings: JsonObject): string | undefined {
  const { chat_template_kwargs: kwargs, ...fields } = chat.templateFields;
  const specials = Object.entries(settings).flatMap(([name, value]) => {
    const token = name.endsWith("_token") ? (asText(value) ?? asText(asObject(value)?.content)) : undefined;
    return token === undefined ? [] : [[name, token] as const];
  });
  try {
    return template.render({
      ...Object.fromEntries(specials),
      add_generation_prompt: true,
      ...fields,
      messages: chat.messages.map(withParsedArguments),
      ...(chat.tools.length > 0 && { tools: chat.tools }),
      ...asObject(kwargs),
    });
  } catch {
    return undefined;
  }
}

/** Templates are written for arguments as objects; OpenAI's API has them as text (as vLLM does, renderers/chat_utils.py). */
function withParsedArguments(message: JsonObject): JsonObject {
  const calls = asArray(message.tool_calls);
  if (calls.length === 0) return message;
  return {
    ...message,
    tool_calls: calls.map((call) => {
      const called = asObject(asObject(call)?.function);
      const sent = asText(called?.arguments);
      if (!called || sent === undefined) return call;
      return { ...asObject(call), function: { ...called, arguments: parsedOr(sent) } };
    }),
  };
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
