import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Template } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
import { InputError } from "../../base/index.js";
import { asArray, asObject, asText, type ChatPrompt, type JsonObject } from "../wire/index.js";

/** A tokenizer given as a file, for servers that have none to ask. */
export interface FileTokenizer {
  /** It has a chat template, so that it can tell the ids of chats. */
  readonly hasTemplate: boolean;
  text(text: string): Uint32Array | undefined;
  /** Undefined where the template refuses the chat. */
  chat(chat: ChatPrompt): Uint32Array | undefined;
}

/**
 * The tokenizer in a `tokenizer.json` of Hugging Face. Beside it, `tokenizer_config.json` has its special tokens and the
 * chat template, `chat_template.jinja` the template where that has none; without a template it tells texts alone.
 * @throws InputError when the file cannot be read as a tokenizer, or its template not as one
 */
export async function openFileTokenizer(path: string): Promise<FileTokenizer> {
  const beside = (name: string) => readFile(join(dirname(path), name), "utf8").catch(() => undefined);
  const [config, separate] = await Promise.all([
    beside("tokenizer_config.json"),
    beside("chat_template.jinja"),
  ]);
  try {
    const json = JSON.parse(await readFile(path, "utf8")) as object;
    const settings = asObject(JSON.parse(config ?? "{}")) ?? {};
    const tokenizer = new Tokenizer(json, settings);
    const source = chatTemplate(settings.chat_template) ?? separate;
    const template = source === undefined ? undefined : new Template(source);
    const ids = (text: string, special: boolean) =>
      Uint32Array.from(tokenizer.encode(text, { add_special_tokens: special }).ids);
    return {
      hasTemplate: template !== undefined,
      text: (text) => ids(text, true),
      // A template puts the special tokens where they belong itself.
      chat: (chat) => {
        const text = template && rendered(template, chat, settings);
        return text === undefined ? undefined : ids(text, false);
      },
    };
  } catch (error) {
    throw new InputError(
      `tap: ${path} must be a tokenizer.json of Hugging Face, with files beside it that fit: ${(error as Error).message}`,
    );
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
