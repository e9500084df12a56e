import type { PromptEvidence } from "../wire/index.js";
import type { WholeTokens } from "./place-things.js";
import type { PromptTokens, TokenSource } from "./prompt-tokens.js";

/** UTF-8 bytes of text a token, where a prompt's length can only be estimated: about the mean of tokenizers for English. */
const BYTES_A_TOKEN = 4;

/**
 * The prompt's tokens with those that the server returned, where they may stand for them: not where the capture counts
 * bytes (byte tokens among real ones would make equal prompts differ), nor where things are in the prompt, for which
 * servers return the same ids whatever they show.
 */
export function returnedTokens(tokens: PromptTokens, returned: readonly number[] | undefined): PromptTokens {
  const { source, things } = tokens;
  if (!returned || returned.length === 0 || source === "bytes" || things.length > 0) return tokens;
  return { ...tokens, source: "response", ids: Uint32Array.from(returned) };
}

/** Byte tokens, which are in no unit of the server's. */
export function isBytes(source: TokenSource): boolean {
  return source === "bytes" || source === "bytes/4";
}

/** What is known of a prompt's length without the server's count. */
export function promptEvidence({ source, bytes }: PromptTokens, { ids }: WholeTokens): PromptEvidence {
  if (!ids) return { kind: "expected", tokens: Math.ceil((bytes ?? 0) / BYTES_A_TOKEN) };
  const tokens = ids.length;
  if (isBytes(source)) return { kind: "bytes", tokens, hasThings: source === "bytes/4" };
  return { kind: source === "request" || source === "response" ? "ids" : "tokenized", tokens };
}

/** Why a record has no block hashes, in a few words. */
export function whyNoHashes({ ids, reason }: WholeTokens): string {
  return ids ? "the server counts more tokens than its tokenizer tells" : (reason ?? "no token ids");
}
