import {
  type Bytes,
  bytesPerGib,
  InputError,
  requireFinite,
  requireInteger,
  type Tokens,
  toGib,
} from "../base/index.js";
import type { Card } from "./cards.js";
import { kvBytesPerToken, type ModelShape, weightBytes } from "./model-shape.js";

/** Share of a card's memory that the engine may use: vLLM's default `--gpu-memory-utilization`. */
const usualMemoryUtilization = 0.9;

/** Share of a card's memory that CUDA gives, where no log tells it: 0.98 to 0.993 on the cards whose logs do. */
const visibleShare = 0.99;

/** Bytes that vLLM's dummy sampling takes of each logit: the logits, a copy to sort, and where they were. */
const bytesPerLogit = 16;

/** What is left beside weights and logits: activations of the largest step, the runtime. */
const otherWorkingBytes = 0.4 * bytesPerGib;

/** A card with so much memory has 1,024 seats by vLLM's default, unless it is an A100; others have 256. */
const manySeatsFromBytes = 70 * bytesPerGib;

/** Memory that {@link poolThatFits} counts on. */
export interface PoolOptions {
  /** Share of a card that the engine may use, above 0 and at most 1. Default 0.9. */
  readonly memoryUtilization?: number;
  /** Cards over which tensor parallelism splits the model. Default 1. */
  readonly tensorParallel?: number;
  /** Seats, for each of which vLLM keeps room for logits. Default: vLLM's own for the card, 1,024 or 256. */
  readonly maxNumSeqs?: number;
}

/**
 * What vLLM measures at its start and keeps free of KV on each card, as assumed here: 0.4 GiB, and 16 bytes for each of
 * `maxNumSeqs` rows of logits. Logs published of vLLM 0.1x to 0.31 have 0.4 GiB less to 0.9 GiB more (test/reference/pools);
 * connectors, encoders of images and speculation take more.
 * @example
 * ```ts
 * import { cardOf, qwen3With8B, workingBytes } from "prefixlab/hardware";
 * (workingBytes(cardOf("h100"), qwen3With8B) / 2 ** 30).toFixed(2); // → "2.72"
 * ```
 */
export function workingBytes(
  card: Card,
  { outputParameters, hiddenSize }: ModelShape,
  { maxNumSeqs }: Pick<PoolOptions, "maxNumSeqs"> = {},
): Bytes {
  const isLarge = card.memoryBytes >= manySeatsFromBytes && !card.name.includes("A100");
  const seats = requireInteger("workingBytes", "maxNumSeqs", maxNumSeqs ?? (isLarge ? 1024 : 256), 1);
  return otherWorkingBytes + seats * (outputParameters / hiddenSize) * bytesPerLogit;
}

/**
 * Tokens of KV that fit beside a model's weights: (visible memory x utilization - weights - working memory) over the bytes
 * of a token, all of one card. {@link workingBytes} is assumed: vLLM measures it when it starts.
 * @throws InputError when the weights leave no room, and when the heads cannot be split over so many cards
 * @example
 * ```ts
 * import { cardOf, poolThatFits, qwen3With8B } from "prefixlab/hardware";
 * poolThatFits(cardOf("h200"), qwen3With8B); // → 785370
 * ```
 */
export function poolThatFits(card: Card, shape: ModelShape, options: PoolOptions = {}): Tokens {
  const utilization = requireFinite(
    "poolThatFits",
    "memoryUtilization",
    options.memoryUtilization ?? usualMemoryUtilization,
    Number.MIN_VALUE,
    1,
  );
  const ranks = requireTensorParallel("poolThatFits", shape, options.tensorParallel ?? 1);
  const cardWeightBytes = weightBytes(shape) / ranks;
  const visibleBytes = Math.min(card.visibleBytes ?? card.memoryBytes * visibleShare, card.memoryBytes);
  const working = workingBytes(card, shape, options);
  const freeBytes = visibleBytes * utilization - cardWeightBytes - working;
  const tokens = Math.floor(freeBytes / (kvBytesPerTokenOver(shape, ranks) / ranks));
  if (tokens < 1)
    throw new InputError(
      `poolThatFits: ${shape.name} needs ${gibibytes(cardWeightBytes)} for its weights${ranks > 1 ? ` on each of ${ranks} cards` : ""}, ${card.name} has ${gibibytes(visibleBytes)} of which ${gibibytes(visibleBytes * utilization)} may be used, ${gibibytes(working)} of that for its work: no room for KV`,
    );
  return tokens;
}

/**
 * KV of one token on all cards together: with more cards than KV heads, each card holds one head, and heads stand on
 * several cards.
 * @example
 * ```ts
 * import { kvBytesPerTokenOver, shapeOfModel } from "prefixlab/hardware";
 * const shape = shapeOfModel("Qwen/Qwen3-30B-A3B"); // 4 heads of keys and values
 * [1, 4, 8].map((cards) => kvBytesPerTokenOver(shape!, cards)); // → [98304, 98304, 196608]
 * ```
 */
export function kvBytesPerTokenOver(shape: ModelShape, tensorParallel: number): Bytes {
  return (kvBytesPerToken(shape) / shape.kvHeads) * Math.max(shape.kvHeads, tensorParallel);
}

/**
 * Checks that a model can be split over so many cards, as vLLM does, and returns the number.
 * @throws InputError when the attention heads cannot be split evenly, or the KV heads neither split nor repeated
 */
export function requireTensorParallel(where: string, shape: ModelShape, tensorParallel: unknown): number {
  const ranks = requireInteger(where, "tensorParallel", tensorParallel, 1);
  const { name, attentionHeads, kvHeads } = shape;
  if (attentionHeads % ranks === 0 && (kvHeads % ranks === 0 || ranks % kvHeads === 0)) return ranks;
  throw new InputError(
    `${where}: ${name} has ${attentionHeads} attention heads and ${kvHeads} of keys and values, which ${ranks} cards cannot share evenly: give a divisor of ${attentionHeads}`,
  );
}

function gibibytes(bytes: number): string {
  return `${toGib(bytes).toFixed(1)} GiB`;
}
