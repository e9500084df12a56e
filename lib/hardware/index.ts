/**
 * Hardware: cards, what a model weighs on them and computes, and how much KV fits beside it.
 *
 * Read `model-shape.ts` first (bytes of KV a token, FLOPs, weights read), then `model-shape-from-config.ts` (a model's own
 * config.json), `known-models.ts` (models by name), `cards.ts` and `pool-that-fits.ts`; `price-list.ts` has what a provider asks for tokens. Sizes are bytes and tokens.
 * config.json), `known-models.ts` (models by name), `cards.ts` and `pool-that-fits.ts`; then `kv-layout.ts`, which reads only
 * what a model keeps in its KV cache, of many more families: `kv-layers.ts` (a layer), `kv-groups.ts` (layers that share
 * blocks). Sizes are bytes and tokens.
 */
export { type Card, type CardName, cardNameOf, cardNames, cardOf, cards } from "./cards.js";
export { qwen3With8B, shapeOfModel } from "./known-models.js";
export { type KvFormat, kvFormats } from "./kv-format.js";
export type { KvGroup } from "./kv-groups.js";
export {
  type KvLayout,
  type KvLayoutOptions,
  kvBlocksHeld,
  kvLayoutFromConfig,
  kvPoolTokens,
  kvWindowBytesKept,
} from "./kv-layout.js";
export {
  activeParameters,
  attentionFlopsPerPair,
  denseBytesRead,
  depthRatio,
  type ExpertShape,
  expertBytes,
  expertShareRead,
  flopsPerToken,
  kvBytesPerToken,
  type ModelShape,
  shareOfExpertsRead,
  weightBytes,
} from "./model-shape.js";
export {
  type ModelShapeOptions,
  modelShapeFromConfig,
  type NumberFormat,
  numberFormats,
} from "./model-shape-from-config.js";
export {
  kvBytesPerTokenOver,
  type PoolOptions,
  poolThatFits,
  requireTensorParallel,
  workingBytes,
} from "./pool-that-fits.js";
export { missPrice, type PriceList, priceListFromJson } from "./price-list.js";
