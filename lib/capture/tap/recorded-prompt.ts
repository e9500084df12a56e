import type { Tokens } from "../../base/index.js";
import type { JsonValue, TraceRecord } from "../../trace/index.js";
import type { ThingSizes } from "./place-things.js";
import { promptMessages } from "./prompt-messages.js";
import type { PromptTokens } from "./prompt-tokens.js";

/** What a record says of a prompt. */
export interface RecordedPrompt {
  readonly promptTokens: Tokens;
  /** As many ids as `promptTokens`, to fingerprint; undefined where they cannot be told. */
  readonly ids?: Uint32Array;
  readonly messages: Pick<TraceRecord, "messages" | "messagesBy">;
  /** Further fields by their wire names: why there are no hashes, what is an estimate. */
  readonly extra: Readonly<Record<string, JsonValue>>;
}

/** UTF-8 bytes of text a token, where a prompt's length can only be estimated: about the mean of tokenizers for English. */
const BYTES_A_TOKEN = 4;

/**
 * Prompt length and the ids to fingerprint, in one unit. Byte tokens count bytes, so beside a chain over bytes the
 * length is in bytes as well; real tokens are counted by the server first. A chain of another length than the prompt
 * would say of blocks what is not so, and is left out. A length that nobody tells is estimated, and never 0.
 * @param reportedTokens the server's count
 */
export function recordedPrompt(
  tokens: PromptTokens,
  reportedTokens: Tokens | undefined,
  sizes: ThingSizes,
): RecordedPrompt {
  // No prompt has no token: 0 is not told.
  const reported = reportedTokens === 0 ? undefined : reportedTokens;
  const { ids, reason } = sizes.place(tokens, reported);
  const counted = tokens.source === "bytes" && ids ? ids.length : (reported ?? ids?.length);
  const isOutvoted = counted !== undefined && ids !== undefined && counted < ids.length;
  const promptTokens = isOutvoted
    ? ids.length
    : (counted ?? Math.max(1, Math.ceil((tokens.bytes ?? 0) / BYTES_A_TOKEN)));
  const isWhole = ids?.length === promptTokens;
  const why = isWhole ? undefined : (reason ?? "the server counts more tokens than its tokenizer tells");
  return {
    promptTokens,
    ...(isWhole && { ids }),
    messages: promptMessages(tokens, promptTokens, sizes),
    extra: {
      ...(why !== undefined && { no_hashes: why }),
      ...(counted === undefined && { prompt_tokens_by: "characters" }),
    },
  };
}
