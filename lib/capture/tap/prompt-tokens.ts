import type { Tokens } from "../../base/index.js";
import {
  ANSWER_BEGIN,
  byteLength,
  byteTokens,
  type ChatPrompt,
  chatParts,
  type PromptSource,
} from "../wire/index.js";
import type { FileTokenizer } from "./file-tokenizer.js";
import type { MessageLengths } from "./message-lengths.js";
import { type PromptPart, promptParts } from "./prompt-parts.js";
import { type PlacedThing, quarterTokens } from "./quarter-tokens.js";
import type { ThingPositions } from "./thing-positions.js";
import { tokenizeChat, tokenizeText, type UpstreamTokenizer } from "./upstream-tokenizer.js";

/** Where a prompt's token ids come from. */
export type TokenSource =
  /** The client sent ids. */
  | "request"
  /** The server returned them with the answer. */
  | "response"
  /** The upstream's `/tokenize`, asked beside the traffic. */
  | "tokenize"
  /** The upstream's `/apply-template` and `/tokenize`, asked beside the traffic. */
  | "apply-template"
  /** A tokenizer.json given by flag. */
  | "file"
  /** One token a UTF-8 byte: there is no tokenizer to ask. */
  | "bytes"
  /** One token four UTF-8 bytes, between images and other things whose length the server alone knows. */
  | "bytes/4";

/** A prompt's token ids and where they come from. */
export interface PromptTokens {
  readonly source: TokenSource;
  /** Ids of the text; things stand between them. */
  readonly ids?: Uint32Array;
  readonly things: readonly PlacedThing[];
  /** Why there are no ids. */
  readonly reason?: string;
  /** The parts of a chat. */
  readonly parts?: readonly PromptPart[];
  /** Tokens of each part's text, by the tokenizer: to be believed where they sum to the prompt's. */
  readonly partTokens?: readonly Tokens[];
  /** UTF-8 bytes of the text, for an estimate where nobody counts tokens. */
  readonly bytes?: number;
}

/** What there is to make token ids with. */
export interface TokenizerTools {
  readonly upstream: string;
  readonly tokenizer: UpstreamTokenizer;
  readonly file: FileTokenizer | undefined;
  readonly positions: ThingPositions;
  readonly lengths: MessageLengths;
  readonly fingerprintKey: Uint8Array | undefined;
}

/** The source of the ids of every text, or of every chat, of a capture: real tokens where they can be had. */
export function tokenSource(
  kind: "text" | "chat",
  tokenizer: UpstreamTokenizer,
  file: FileTokenizer | undefined,
): TokenSource {
  if (kind === "text" && tokenizer.hasText) return "tokenize";
  if (kind === "chat" && tokenizer.chat) return tokenizer.chat === "messages" ? "tokenize" : "apply-template";
  return file && (kind === "text" || file.hasTemplate) ? "file" : "bytes";
}

/**
 * The token ids of a prompt as far as they can be known before the answer: as sent, by a tokenizer, or byte by byte. A
 * tokenizer that fails once leaves this prompt without ids: byte tokens among real ones would make equal prompts differ.
 */
export async function promptTokens(
  prompt: PromptSource,
  tools: TokenizerTools,
  request: { readonly model: string | undefined; readonly headers: Readonly<Record<string, string>> },
): Promise<PromptTokens> {
  if (prompt.kind === "ids") return { source: "request", ids: prompt.ids, things: [] };
  if (prompt.kind === "unknown") {
    const { reason } = prompt;
    return { source: tokenSource("chat", tools.tokenizer, tools.file), things: [], reason };
  }
  const source = tokenSource(prompt.kind, tools.tokenizer, tools.file);
  if (prompt.kind === "text") {
    const { text } = prompt;
    const ids =
      source === "bytes"
        ? Uint32Array.from(byteTokens(text))
        : source === "file"
          ? tools.file?.text(text)
          : await tokenizeText(tools.upstream, { text, fields: prompt.tokenizeFields, ...request });
    return { source, things: [], bytes: byteLength(text), ...answered(ids) };
  }
  return chatTokens(prompt.chat, source, tools, request);
}

async function chatTokens(
  chat: ChatPrompt,
  source: TokenSource,
  tools: TokenizerTools,
  request: { readonly model: string | undefined; readonly headers: Readonly<Record<string, string>> },
): Promise<PromptTokens> {
  const chatted = chatParts(chat);
  const parts = promptParts(chatted, tools.fingerprintKey);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, byteLength(ANSWER_BEGIN));
  const base = { parts, bytes };
  const pieces = [...chatted.flatMap((part) => part.pieces), ANSWER_BEGIN];
  if (source === "bytes") {
    if (parts.some(({ things }) => things.length > 0))
      return { ...base, source: "bytes/4", ...quarterTokens(pieces) };
    return { ...base, source, things: [], ids: Uint32Array.from(byteTokens(pieces.join(""))) };
  }
  const encode = async (of: ChatPrompt): Promise<Uint32Array | undefined> => {
    if (source === "file") return tools.file?.chat(of);
    const how = source === "tokenize" ? "messages" : "template";
    return tokenizeChat(tools.upstream, { how, chat: of, ...request });
  };
  const placed = await tools.positions.encode(chat, encode);
  const partTokens = placed && (await tools.lengths.of(chat, encode));
  return {
    ...base,
    source,
    things: placed?.things ?? [],
    ...(partTokens && { partTokens }),
    ...answered(placed?.ids),
  };
}

function answered(ids: Uint32Array | undefined) {
  return ids && ids.length > 0 ? { ids } : { reason: "the tokenizer did not answer" };
}
