import type { LatencyModel } from "../latency-model.js";
import { withConditions } from "../model-conditions.js";
import { physicalModel } from "../physical-model.js";
import { isolatedRequestPrices } from "./isolated-request-prices.js";

/** Steps of a cold prompt of the figure at the budget under which it was made. */
const budgetTokens = 2_048;
const coldPromptTokens = 10_500;

/**
 * The step price behind vllm-vcr's published figure `docs/images/multiturn-cache-effect.png`, read off the figure. It is no
 * card's: the simulator that drew it charged a step of 2,048 tokens what the H200 that it was fitted on took for one of
 * 8,192, so that a cold prompt took 1.1 s, where the card's own published curve begins at 0.29 s. For replaying that figure
 * under its own conditions, and for nothing else.
 */
export function vllmVcrPublished(): LatencyModel {
  const prices = isolatedRequestPrices({
    warmTtftMs: 30,
    // A turn of 128 words at 1 to 1.5 tokens a word is 128 to 192, plus part of a block.
    warmUncachedTokens: 164,
    warmCachedTokens: 10_000,
    // Where the figure's curve without the cache begins.
    coldTtftMs: 1_100,
    coldPromptTokens,
    coldSteps: Math.ceil(coldPromptTokens / budgetTokens),
    gapMs: 8,
    // Its KV, 147,456 bytes, read at the H200's 4.8 TB/s.
    decodeContextTokenMs: (1000 * 147_456) / 4.8e12,
    // By operations: 4 x 36 layers x 32 heads x 128 dimensions, against 2 x 6.95 billion non-embedding parameters.
    depthFraction: (4 * 36 * 32 * 128) / (2 * 6.95e9),
  });
  const model = physicalModel({
    kind: "profile:vllm-vcr-published",
    ...prices,
    range: { uncachedTokens: [128, 11_000], contextTokens: [0, 11_000], runningSeqs: [1, 1] },
  });
  return withConditions(model, { fittedAt: { maxNumBatchedTokens: budgetTokens } });
}
