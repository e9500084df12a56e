import type { Tokens } from "../base/index.js";
import { emptyStepLoad, type StepLoad } from "../latency/index.js";

/** A sum of prefill chunks: how many, their tokens, and tokens times depth. */
export interface ChunkSum {
  chunks: number;
  tokens: Tokens;
  tokenDepth: number;
}

/** Tokens times depth of a chunk that computes the positions from `start` up to `end`: (end^2 - start^2) / 2. */
export function chunkTokenDepth(start: Tokens, end: Tokens): number {
  return ((end - start) * (end + start)) / 2;
}

/** Prompt tokens that a prefill computes: all but the cached, and at least the last one. */
export function uncachedPromptTokens(promptTokens: Tokens, cachedTokens: Tokens): Tokens {
  return Math.max(1, promptTokens - cachedTokens);
}

/**
 * The steps of a prefill that has the whole budget to itself: every chunk takes the budget, the last what is left.
 * @param maxNumBatchedTokens the step's budget; `longPrefillTokenThreshold` caps a chunk below it, 0 = no cap
 */
export function lonePrefill(
  promptTokens: Tokens,
  cachedTokens: Tokens,
  maxNumBatchedTokens: Tokens,
  longPrefillTokenThreshold: Tokens = 0,
): ChunkSum {
  const uncached = uncachedPromptTokens(promptTokens, cachedTokens);
  return {
    chunks: Math.ceil(uncached / longestChunk(maxNumBatchedTokens, longPrefillTokenThreshold)),
    tokens: uncached,
    tokenDepth: chunkTokenDepth(promptTokens - uncached, promptTokens),
  };
}

/** The same steps one by one, as what each computes. */
export function lonePrefillSteps(
  promptTokens: Tokens,
  cachedTokens: Tokens,
  maxNumBatchedTokens: Tokens,
  longPrefillTokenThreshold: Tokens = 0,
): StepLoad[] {
  const chunk = longestChunk(maxNumBatchedTokens, longPrefillTokenThreshold);
  const loads: StepLoad[] = [];
  for (let at = promptTokens - uncachedPromptTokens(promptTokens, cachedTokens); at < promptTokens; ) {
    const end = Math.min(promptTokens, at + chunk);
    loads.push({
      ...emptyStepLoad(),
      prefillTokens: end - at,
      prefillTokenDepth: chunkTokenDepth(at, end),
      prefillSeqs: 1,
    });
    at = end;
  }
  return loads;
}

function longestChunk(maxNumBatchedTokens: Tokens, longPrefillTokenThreshold: Tokens): Tokens {
  return longPrefillTokenThreshold > 0
    ? Math.min(maxNumBatchedTokens, longPrefillTokenThreshold)
    : maxNumBatchedTokens;
}
