import { type ChatPrompt, fieldOf, isTokenId } from "../wire/index.js";
import { askBeside, isClear, type SideAnswer } from "./side-question.js";

/** What a server's tokenizer can be asked. */
export interface UpstreamTokenizer {
  /** `POST /tokenize` takes a text. */
  readonly hasText: boolean;
  /**
   * How it makes tokens of a chat: `/tokenize` takes its messages (vLLM, SGLang), or `/apply-template` makes a text of
   * them, for `/tokenize` (llama.cpp). Undefined: it does not.
   */
  readonly chat: "messages" | "template" | undefined;
  /** It said so itself. */
  readonly isCertain: boolean;
}

const SHORT_TEXT = "a";
const LONG_TEXT = "one prompt, of a few more words than the other";

/**
 * Finds out what the server's tokenizer does, for texts and for chats: a server that answers one may answer the other
 * with nothing, or with the tokens of nothing. So each is asked twice, and more text has to have more tokens.
 * @param model the served model, which some servers want named
 */
export async function upstreamTokenizer(
  upstream: string,
  model: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<UpstreamTokenizer> {
  let named = model;
  const text = (value: string) => tokenize(upstream, textBody(value, named), headers);
  let first = await text(SHORT_TEXT);
  if (first.status === 404 && named !== undefined) {
    // It may have been asked for a model that it does not serve.
    named = undefined;
    first = await text(SHORT_TEXT);
  }
  // Who is told to stay out, or that nobody is in, does not ask on. An error may be that of one who expects messages.
  const isOver = !isClear(first.status) && first.status !== 500;
  if (isOver || [404, 405, 501].includes(first.status ?? 0))
    return { hasText: false, chat: undefined, isCertain: isClear(first.status) };
  const chatOf = (value: string, how: "messages" | "template") =>
    chatTokens(upstream, how, plainChat(value), named, headers);
  const isGrowing = async (few: Promise<Answered>, many: Promise<Answered>) =>
    ((await few).ids?.length ?? Number.POSITIVE_INFINITY) < ((await many).ids?.length ?? 0);
  const [hasText, hasMessages] = await Promise.all([
    isGrowing(Promise.resolve(first), text(LONG_TEXT)),
    isGrowing(chatOf(SHORT_TEXT, "messages"), chatOf(LONG_TEXT, "messages")),
  ]);
  if (hasMessages) return { hasText, chat: "messages", isCertain: true };
  if (!isClear(first.status)) return { hasText, chat: undefined, isCertain: false };
  const hasTemplate =
    hasText && (await isGrowing(chatOf(SHORT_TEXT, "template"), chatOf(LONG_TEXT, "template")));
  return { hasText, chat: hasTemplate ? "template" : undefined, isCertain: true };
}

/** Token ids of a text; undefined when the server does not answer in time. */
export async function tokenizeText(
  upstream: string,
  options: {
    readonly text: string;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly model: string | undefined;
    readonly headers: Readonly<Record<string, string>>;
  },
): Promise<Uint32Array | undefined> {
  const { text, fields, model, headers } = options;
  return (await tokenize(upstream, { ...fields, ...textBody(text, model) }, headers)).ids;
}

/** Token ids of a chat, as the server's template makes a prompt of it; undefined when it does not answer in time. */
export async function tokenizeChat(
  upstream: string,
  options: {
    readonly how: "messages" | "template";
    readonly chat: ChatPrompt;
    readonly model: string | undefined;
    readonly headers: Readonly<Record<string, string>>;
  },
): Promise<Uint32Array | undefined> {
  const { how, chat, model, headers } = options;
  return (await chatTokens(upstream, how, chat, model, headers)).ids;
}

interface Answered {
  readonly status?: number;
  readonly ids?: Uint32Array;
}

async function chatTokens(
  upstream: string,
  how: "messages" | "template",
  chat: ChatPrompt,
  model: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Answered> {
  const body = {
    ...chat.templateFields,
    ...(model !== undefined && { model }),
    messages: chat.messages,
    ...(chat.tools.length > 0 && { tools: chat.tools }),
  };
  if (how === "messages") return tokenize(upstream, body, headers);
  const rendered = fieldOf((await askBeside(`${upstream}/apply-template`, body, headers)).json, "prompt");
  // llama.cpp: the server itself tokenizes the rendered prompt so (tools/server/server-common.cpp).
  return typeof rendered === "string" && rendered !== ""
    ? tokenize(upstream, contentBody(rendered, model), headers)
    : {};
}

/**
 * `prompt` is vLLM's and SGLang's name for the text, `content` llama.cpp's, `inputs` that of text-generation-inference;
 * servers pass over what they do not know.
 */
function textBody(text: string, model: string | undefined) {
  return { ...contentBody(text, model), prompt: text, inputs: text };
}

function contentBody(text: string, model: string | undefined) {
  return { ...(model !== undefined && { model }), content: text, add_special: true, parse_special: true };
}

async function tokenize(
  upstream: string,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): Promise<Answered> {
  const answer = await askBeside(`${upstream}/tokenize`, body, headers);
  const ids = tokensOf(answer);
  return { ...(answer.status !== undefined && { status: answer.status }), ...(ids && { ids }) };
}

/** An empty list is no answer: no prompt has no token. Some servers give each id with its text. */
function tokensOf({ json }: SideAnswer): Uint32Array | undefined {
  const told = Array.isArray(json) ? json : fieldOf(json, "tokens");
  if (!Array.isArray(told) || told.length === 0) return undefined;
  const tokens: unknown[] = told.map((token: unknown) => fieldOf(token, "id") ?? token);
  return tokens.every(isTokenId) ? Uint32Array.from(tokens) : undefined;
}

function plainChat(content: string): ChatPrompt {
  return { messages: [{ role: "user", content }], tools: [], toolsFirst: false, templateFields: {} };
}
