import type { Ms, Tokens } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import type { ServerUsage } from "./answer-event.js";
import type { ChoiceLog } from "./choice-log.js";

/** Tokens that no engine gives one request in a millisecond: the fastest known give three. */
const MOST_TOKENS_A_MS = 20;
/** The longest context of any model is a sixteenth of this. */
const MOST_PROMPT_TOKENS = 2 ** 24;
/** What a server may add to ids that it was sent: a begin mark, at the most a template. */
const MOST_ADDED_TOKENS = 1024;
/** Characters a token where an answer came as a whole and nobody counted it. */
const CHARACTERS_PER_TOKEN = 4;

/** What is known of a prompt's length without the server's count. */
export type PromptEvidence =
  /** Ids that were sent, or that the server returned: facts. */
  | { readonly kind: "ids"; readonly tokens: Tokens }
  /** Ids by a tokenizer beside the traffic: facts, unless the server saw more in the prompt. */
  | { readonly kind: "tokenized"; readonly tokens: Tokens }
  /** One a byte of its text, and one for each thing in it that is no text. */
  | { readonly kind: "bytes"; readonly tokens: Tokens; readonly hasThings: boolean }
  /** As long as it was meant to be, and no shorter than the turn before it. */
  | { readonly kind: "expected"; readonly tokens: Tokens; readonly atLeastTokens?: Tokens };

/** What was seen of an answer. */
export interface AnswerEvidence {
  /** Undefined where nothing came. */
  readonly choice: Pick<ChoiceLog, "streamedTokens" | "tokenIds" | "characters"> | undefined;
  /** Arrival to end. */
  readonly elapsedMs: Ms;
  /** The most that the client asked for, where it said. */
  readonly mostTokens?: Tokens;
}

/** The counts of a record. */
export interface WeighedCounts {
  readonly promptTokens: Tokens;
  /** Leading tokens of the evidence that block hashes may be made of; 0 where the chain would mislead. */
  readonly hashedTokens: Tokens;
  readonly cachedTokens?: Tokens;
  readonly outputTokens: Tokens;
  /** Claims that were outvoted, and how counts are known where nobody counted: fields of the row. */
  readonly extra: Readonly<Record<string, JsonValue>>;
}

/**
 * Weighs what a server says about a request against what was seen of it. Token ids that were sent or returned, and
 * chunks that came, are facts; counts in `usage` are claims. A claim that contradicts a fact is kept beside it, as
 * `server_prompt_tokens`, `server_cached_tokens` or `server_output_tokens`, never in its place:
 *
 * - ids outvote a smaller count of the prompt; zero is "not told" beside a prompt that was sent;
 * - a larger count stands: servers add tokens, though not as many again as were sent and a template beside. Where it is
 *   larger by a block or more than a tokenizer's, the server saw what the tokenizer did not, and there is no chain;
 * - a prompt in bytes has its length in bytes, beside its chain; with an image in it the server's count is its length;
 * - a later turn's prompt is no shorter than the turn before it: servers are known that count what they computed;
 * - more cached tokens than prompt tokens are a claim and no count;
 * - ids of the output outvote a smaller count, and zero is "not told" beside chunks that came. Fewer tokens than chunks of
 *   text is a count that stands (a chunk need not be a token), with `text_chunks` beside it. More than the client asked
 *   for, or than any engine gives in the time, is a claim beside the chunks that came.
 * @param blockTokens tokens a block of the trace
 */
export function weighCounts(options: {
  readonly usage: ServerUsage | undefined;
  readonly prompt: PromptEvidence;
  readonly answer: AnswerEvidence;
  readonly blockTokens: Tokens;
}): WeighedCounts {
  const { usage, answer } = options;
  const claimed = usage?.promptTokens || undefined;
  const prompt = weighPrompt(claimed, options.prompt, options.blockTokens);
  const output = weighOutput(usage?.outputTokens, answer);
  const cached = usage?.cachedTokens;
  // Zero cached of a prompt that the server does not count tells nothing.
  const isCachedTold = cached !== undefined && (cached > 0 || !!usage?.promptTokens);
  const isCachedACount = isCachedTold && !prompt.isOtherUnit && cached <= prompt.tokens;
  return {
    promptTokens: prompt.tokens,
    hashedTokens: prompt.hashedTokens,
    ...(isCachedACount && { cachedTokens: cached }),
    outputTokens: output.tokens,
    extra: {
      ...(prompt.isExpected && { prompt_tokens_expected: true }),
      ...(prompt.outvoted !== undefined && { server_prompt_tokens: prompt.outvoted }),
      ...(isCachedTold && !isCachedACount && { server_cached_tokens: cached }),
      ...output.extra,
    },
  };
}

/** A prompt's length, weighed. */
export interface WeighedPrompt {
  readonly tokens: Tokens;
  /** See {@link WeighedCounts.hashedTokens}. */
  readonly hashedTokens: Tokens;
  /** The server's count, where it is not the length. */
  readonly outvoted?: Tokens | undefined;
  readonly isExpected?: boolean;
  /** The length is not in the unit of the server's counts. */
  readonly isOtherUnit?: boolean;
}

/** The prompt's part of {@link weighCounts}: `claimed` is the server's count, undefined where it told none or zero. */
export function weighPrompt(
  claimed: Tokens | undefined,
  evidence: PromptEvidence,
  blockTokens: Tokens,
): WeighedPrompt {
  const { tokens: seen } = evidence;
  if (claimed !== undefined && claimed > MOST_PROMPT_TOKENS)
    return { ...weighPrompt(undefined, evidence, blockTokens), outvoted: claimed };
  switch (evidence.kind) {
    case "bytes": {
      if (claimed !== undefined && evidence.hasThings)
        return { tokens: claimed, hashedTokens: Math.min(seen, claimed) };
      const tokens = seen || claimed || 1;
      const isOtherUnit = claimed !== tokens;
      return { tokens, hashedTokens: seen, isOtherUnit, ...(isOtherUnit && { outvoted: claimed }) };
    }
    case "expected": {
      const { atLeastTokens = 0 } = evidence;
      if (claimed !== undefined && claimed >= atLeastTokens) return { tokens: claimed, hashedTokens: 0 };
      const tokens = Math.max(seen, atLeastTokens, 1);
      return { tokens, hashedTokens: 0, isExpected: true, outvoted: claimed };
    }
    case "ids":
    case "tokenized": {
      const isOutvoted =
        claimed !== undefined &&
        (claimed < seen || (evidence.kind === "ids" && claimed > 2 * seen + MOST_ADDED_TOKENS));
      if (claimed === undefined || isOutvoted)
        return { tokens: seen || 1, hashedTokens: seen, outvoted: claimed };
      const isMissed = evidence.kind === "tokenized" && claimed - seen >= blockTokens;
      return { tokens: claimed, hashedTokens: isMissed ? 0 : seen };
    }
  }
}

function weighOutput(claimed: Tokens | undefined, { choice, elapsedMs, mostTokens }: AnswerEvidence) {
  const ids = choice?.tokenIds?.length || undefined;
  const chunks = choice?.streamedTokens || undefined;
  const seen = ids ?? chunks;
  const characters = choice?.characters ?? 0;
  const isAbsurd =
    claimed !== undefined &&
    // Some count end marks, or a last batch of speculated tokens.
    (claimed > 2 * (mostTokens ?? Number.POSITIVE_INFINITY) + 16 ||
      claimed > MOST_TOKENS_A_MS * Math.max(1, elapsedMs));
  const outvoted = { server_output_tokens: claimed as JsonValue };
  if (ids !== undefined && (claimed === undefined || claimed < ids))
    return { tokens: ids, extra: claimed === undefined ? {} : outvoted };
  if (seen !== undefined && isAbsurd && claimed > seen) return { tokens: seen, extra: outvoted };
  if (claimed !== undefined && claimed > 0 && !(isAbsurd && characters > 0))
    return {
      tokens: claimed,
      extra: chunks !== undefined && chunks > claimed ? { text_chunks: chunks } : {},
    };
  if (seen !== undefined) return { tokens: seen, extra: {} };
  if (characters === 0) return { tokens: claimed ?? 0, extra: {} };
  return {
    tokens: Math.max(1, Math.round(characters / CHARACTERS_PER_TOKEN)),
    extra: { output_tokens_by: "characters", ...(isAbsurd && outvoted) },
  };
}
