import { type Ms, type Tokens, wholeMicros } from "../../base/index.js";
import type { TraceRecord } from "../../trace/index.js";

/**
 * The times of a record, from when its chunks came: to the first, and from each to the next, with the tokens that closed
 * each gap where they are not one each. Chunks of text that are more than the tokens say nothing of the tokens of each.
 * @param fromMs the arrival, on the clock of `chunkAtMs`
 * @param outputTokens as they were weighed
 */
export function chunkTimes(
  chunkAtMs: readonly Ms[],
  chunkTokens: readonly Tokens[],
  outputTokens: Tokens,
  fromMs: Ms,
): Pick<TraceRecord, "ttftMs" | "itlMs" | "itlTokens"> {
  if (chunkAtMs.length === 0) return {};
  const itlMs = new Float64Array(chunkAtMs.length - 1);
  for (let i = 0; i < itlMs.length; i++) itlMs[i] = wholeMicros(chunkAtMs[i + 1] - chunkAtMs[i]);
  const itlTokens = Int32Array.from(chunkTokens.slice(1));
  const streamedTokens = chunkTokens.reduce((sum, tokens) => sum + tokens, 0);
  const isTold = streamedTokens <= outputTokens && itlTokens.some((count) => count !== 1);
  return { ttftMs: wholeMicros(chunkAtMs[0] - fromMs), itlMs, ...(isTold && { itlTokens }) };
}
