/** Chunks closer than this came out of one read of the client: no engine makes a token in so little time. */
const shortestGapMs = 0.05;

/** Gaps between chunks, and the tokens in the chunk that closed each. */
export interface ChunkGaps {
  readonly itlMs: Float64Array;
  readonly itlTokens: Int32Array;
}

/**
 * Gaps of one token each, where some tell only that the client read several chunks at once (0 in AIPerf, some microseconds
 * in `vllm bench`): such chunks are one, of several tokens. Undefined where there is none.
 */
export function chunksReadTogether(gapsMs: Float64Array): ChunkGaps | undefined {
  if (gapsMs.every((gapMs) => gapMs >= shortestGapMs)) return undefined;
  const itlMs: number[] = [];
  const itlTokens: number[] = [];
  for (const gapMs of gapsMs) {
    if (gapMs >= shortestGapMs) {
      itlMs.push(gapMs);
      itlTokens.push(1);
    } else if (itlMs.length > 0) {
      itlMs[itlMs.length - 1] += gapMs;
      itlTokens[itlTokens.length - 1]++;
    }
    // Before the first gap: a token of the chunk that TTFT ends with.
  }
  return { itlMs: Float64Array.from(itlMs), itlTokens: Int32Array.from(itlTokens) };
}
