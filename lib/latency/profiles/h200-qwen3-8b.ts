import type { Ms, Tokens } from "../../base/index.js";
import { cards, kvBytesPerToken, poolThatFits, qwen3With8B } from "../../hardware/index.js";
import type { LatencyModel } from "../latency-model.js";
import { withConditions } from "../model-conditions.js";
import { physicalModel } from "../physical-model.js";

/**
 * The published measurements that the profile is set from (vllm-vcr, Qwen3-8B on one H200). All are of requests that
 * have the engine to themselves; what the profile does under load is a prediction.
 */
const measured = {
  /** Shortest TTFT with the prefix cached. */
  warmTtftMs: 30 as Ms,
  /** Uncached tokens behind it: a turn of 128 words at 1 to 1.5 tokens a word is 128 to 192, plus part of a block. */
  warmUncachedTokens: 164 as Tokens,
  /** Cached tokens behind it: a shared prefix of about 10k. */
  warmCachedTokens: 10_000 as Tokens,
  /** TTFT of the request that fills a cold prefix. */
  coldTtftMs: 1_100 as Ms,
  /** Its prompt: "10-11k". */
  coldPromptTokens: 10_500 as Tokens,
  /** Shortest inter-token gap: the lower end of "8-11 ms". */
  gapMs: 8 as Ms,
};

/** Steps that a cold prompt takes at vLLM's default budget of 2,048 tokens a step. */
const coldSteps = Math.ceil(measured.coldPromptTokens / 2_048);

/**
 * Memory traffic of a decode per token of context: its KV, read at the card's bandwidth. At 10k tokens that is 0.3 ms a
 * sequence, so the profile reaches the upper end of "8-11 ms" with about ten sequences running.
 */
const decodeContextTokenMs = (1000 * kvBytesPerToken(qwen3With8B)) / cards.h200.memoryBytesPerSecond;

/** Any step: the shortest gap, less the attention of that one decode to its 10k tokens of context. */
const stepMs = measured.gapMs - decodeContextTokenMs * measured.warmCachedTokens;

/**
 * Attention of a prompt token to one token before it, as a fraction of the token's other work, by operations: 4 x 36
 * layers x 32 heads x 128 dimensions for attention, against 2 x 6.95 billion for the non-embedding parameters.
 */
const depthFraction = (4 * 36 * 32 * 128) / (2 * 6.95e9);

/** Work of prefilling `tokens` at `depth`, in tokens at depth 0. */
const prefillWork = (tokens: Tokens, depth: Tokens) =>
  tokens + depthFraction * (tokens * depth + (tokens * tokens) / 2);

const coldWork = prefillWork(measured.coldPromptTokens, 0);
const warmWork = prefillWork(measured.warmUncachedTokens, measured.warmCachedTokens);

/**
 * A prompt token computed: the cold and the warm TTFT differ by the work between them and by the further steps; what
 * is the same in both cancels. 0.08 ms, about 12,000 tokens/s.
 */
const prefillTokenMs =
  (measured.coldTtftMs - measured.warmTtftMs - (coldSteps - 1) * stepMs) / (coldWork - warmWork);

/** Outside the steps: what the warm TTFT leaves once its step is paid. 3 ms for HTTP, tokenizing and scheduling. */
const requestMs = measured.warmTtftMs - stepMs - prefillTokenMs * warmWork;

/** Qwen3-8B on one H200: five prices, each from a measurement of an isolated request or from a data sheet. */
export function h200Qwen3(): LatencyModel {
  const model = physicalModel({
    kind: "profile:h200-qwen3-8b",
    step: {
      stepMs,
      prefillTokenMs,
      prefillTokenDepthMs: prefillTokenMs * depthFraction,
      // Not told apart from the step itself by isolated requests.
      prefillSeqMs: 0,
      decodeSeqMs: 0,
      decodeContextTokenMs,
    },
    overhead: { requestMs, promptTokenMs: 0 },
    range: { uncachedTokens: [128, 11_000], contextTokens: [0, 11_000], runningSeqs: [1, 1] },
  });
  const memory = {
    poolTokens: poolThatFits(cards.h200, qwen3With8B),
    kvBytesPerToken: kvBytesPerToken(qwen3With8B),
  };
  return withConditions(model, { memory });
}
