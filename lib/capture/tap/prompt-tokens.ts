import { type PromptSource, promptByteTokens } from "./prompt-source.js";
import { tokenizeUpstream, type UpstreamFacts } from "./upstream-facts.js";

/** Where a prompt's token ids come from. */
export type TokenSource =
  /** The client sent ids. */
  | "request"
  /** The server returned them with the answer. */
  | "response"
  /** The upstream's `/tokenize`, asked beside the traffic. */
  | "tokenize"
  /** One token a UTF-8 byte: the upstream has no tokenizer to ask. */
  | "bytes";

/** A prompt's token ids and where they come from; no ids when the upstream's tokenizer did not answer this time. */
export interface PromptTokens {
  readonly source: TokenSource;
  readonly ids?: Uint32Array;
}

/**
 * The token ids of a prompt as far as they can be known before the answer: as sent, by the upstream's tokenizer, or
 * byte by byte. A tokenizer that fails once leaves this prompt without ids: byte tokens among real ones would make
 * equal prompts differ.
 */
export async function promptTokens(options: {
  readonly prompt: PromptSource;
  readonly upstream: string;
  readonly facts: UpstreamFacts;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<PromptTokens> {
  const { prompt, upstream, facts, headers } = options;
  if (prompt.kind === "ids") return { source: "request", ids: prompt.ids };
  if (!facts.hasTokenizer) return { source: "bytes", ids: promptByteTokens(prompt) };
  const ids = await tokenizeUpstream(upstream, prompt.tokenizeBody, headers);
  return { source: "tokenize", ...(ids && { ids }) };
}
