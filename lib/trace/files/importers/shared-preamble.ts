import type { Tokens } from "../../../base/index.js";
import type { JsonValue, TraceRecord } from "../../trace.js";

/**
 * What rests on conversations of one model starting with the same tools and system prompt. Counted in a pool that gives
 * nothing up and keeps no answers, one request after another.
 */
export interface SharedPreamble {
  /** Conversations with such blocks. */
  readonly conversations: number;
  /** Requests that find more by it, of all, and the prompt tokens that they find more. */
  readonly requests: number;
  readonly of: number;
  readonly tokens: Tokens;
  /** Share of all prompt tokens that is found with it and without it. */
  readonly sharedWith: number;
  readonly sharedWithout: number;
}

/**
 * Counts what rests on it.
 * @param common blocks that stand for the preamble's in all conversations
 * @param conversationOf the conversation of each session
 * @returns undefined where nothing does
 */
export function sharedPreamble(
  records: readonly TraceRecord[],
  blockSize: Tokens,
  common: ReadonlySet<number>,
  conversationOf: ReadonlyMap<string, number>,
): SharedPreamble | undefined {
  const seen = new Set<number>();
  const seenBy = new Map<number, Set<number>>();
  const conversations = new Set<number>();
  let requests = 0;
  let promptTokens = 0;
  let withTokens = 0;
  let withoutTokens = 0;
  for (const { blockIds = [], promptTokens: prompt, session = "" } of records) {
    const conversation = conversationOf.get(session) ?? -1;
    const own = seenBy.get(conversation) ?? new Set();
    seenBy.set(conversation, own);
    const isKnown = (id: number): boolean => (common.has(id) ? own : seen).has(id);
    // The last token of a prompt is computed in any case.
    const limit = Math.min(blockIds.length, Math.max(0, Math.floor((prompt - 1) / blockSize)));
    let without = 0;
    while (without < limit && isKnown(blockIds[without])) without++;
    let found = without;
    while (found < limit && seen.has(blockIds[found])) found++;
    for (const id of blockIds) {
      seen.add(id);
      if (!common.has(id)) continue;
      own.add(id);
      conversations.add(conversation);
    }
    promptTokens += prompt;
    withTokens += found * blockSize;
    withoutTokens += without * blockSize;
    if (found > without) requests++;
  }
  if (requests === 0) return undefined;
  return {
    conversations: conversations.size,
    requests,
    of: records.length,
    tokens: withTokens - withoutTokens,
    sharedWith: withTokens / promptTokens,
    sharedWithout: withoutTokens / promptTokens,
  };
}

/** In words for the user. */
export function sharedPreambleWords(found: SharedPreamble, blockSize: Tokens): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const points = (100 * (found.sharedWith - found.sharedWithout)).toFixed(2);
  return (
    `the tools and system prompt are the same in all ${found.conversations} conversations of a model, whose ids are their own: ` +
    `${found.requests} of ${found.of} requests find ${found.tokens} more prompt tokens, ${percent(found.sharedWith)} of all instead of ${percent(found.sharedWithout)} ` +
    `(+${points} points, in a pool without bound that keeps no answers, of ${blockSize}-token blocks; not with --no-shared-preamble)`
  );
}

/** Under wire names. */
export function sharedPreambleJson(found: SharedPreamble): Record<string, JsonValue> {
  const { conversations, requests, of, tokens, sharedWith, sharedWithout } = found;
  return {
    conversations,
    requests,
    of,
    tokens,
    unbounded_share_with: sharedWith,
    unbounded_share_without: sharedWithout,
    points: 100 * (sharedWith - sharedWithout),
  };
}
