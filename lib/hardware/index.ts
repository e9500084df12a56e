/**
 * Hardware: cards, what a model weighs on them, and how much KV fits beside it.
 *
 * Read `model-shape.ts` first (bytes of KV a token), then `pool-that-fits.ts`. Sizes are bytes and tokens.
 */
export { type Card, cardOf, cards } from "./cards.js";
export { kvBytesPerToken, type ModelShape, qwen3With8B } from "./model-shape.js";
export { poolThatFits } from "./pool-that-fits.js";
