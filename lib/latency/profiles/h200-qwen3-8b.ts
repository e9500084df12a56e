import type { Ms, Tokens } from "../../base/index.js";
import { cards, depthRatio, kvBytesPerToken, poolThatFits, qwen3With8B } from "../../hardware/index.js";
import type { LatencyModel } from "../latency-model.js";
import { withConditions } from "../model-conditions.js";
import { physicalModel } from "../physical-model.js";
import { isolatedRequestPrices } from "./isolated-request-prices.js";

/**
 * Requests that had a real H200 to themselves: read off neuralmagic/vllm-vcr's figures of its captures (docs/images,
 * step-model-factual.png and step-model-counterfactual.png; vLLM of June 2026, Qwen3-8B in bf16, eager). Token counts are
 * those of its load generator at the 1.54 tokens a word that its captures show: a prefix of 10,010, turns of 197.
 */
const measured = {
  /** Shortest TTFT with the cache on. */
  warmTtftMs: 24 as Ms,
  /** Uncached tokens behind it: a turn and part of a block. */
  warmUncachedTokens: 205 as Tokens,
  /** Cached tokens behind it: the prefix. */
  warmCachedTokens: 10_000 as Tokens,
  /** Shortest TTFT with the cache off. */
  coldTtftMs: 290 as Ms,
  /** Its prompt: prefix and first turn. */
  coldPromptTokens: 10_207 as Tokens,
  /** Shortest inter-token gaps, p1 to p10. */
  gapMs: 10.3 as Ms,
};

/** The engine behind the figures: budget and seats as its authors' scripts give them, asynchronous as vLLM is from 0.14 on. */
const measuredEngine = { maxNumBatchedTokens: 8_192, maxNumSeqs: 1_024, asyncScheduling: true };

/**
 * Qwen3-8B on one H200: five prices, from three measured minima and a data sheet. What the profile does under load is a
 * prediction; it holds at a budget of 8,192 tokens a step. Against the whole of the same figures, which is in sample for
 * their minima: TTFT with the cache off within 15 % from p10 to p99; with the cache on, of requests that arrive while
 * others decode, a quarter too long, since `requestMs` then holds a wait that asynchronous scheduling counts again.
 */
export function h200Qwen3(): LatencyModel {
  const model = physicalModel({
    kind: "profile:h200-qwen3-8b",
    // A prompt token comes out at 0.021 ms: 47,000 tokens/s at the head of a prompt, 37,000 over one of 10k.
    ...isolatedRequestPrices({
      ...measured,
      coldSteps: Math.ceil(measured.coldPromptTokens / measuredEngine.maxNumBatchedTokens),
      // Its KV, read at the card's bandwidth.
      decodeContextTokenMs: (1000 * kvBytesPerToken(qwen3With8B)) / cards.h200.memoryBytesPerSecond,
      depthFraction: depthRatio(qwen3With8B),
    }),
    range: { uncachedTokens: [128, 11_500], contextTokens: [0, 11_500], runningSeqs: [1, 1] },
  });
  const memory = {
    poolTokens: poolThatFits(cards.h200, qwen3With8B),
    kvBytesPerToken: kvBytesPerToken(qwen3With8B),
  };
  return withConditions(model, { fittedAt: measuredEngine, memory });
}
