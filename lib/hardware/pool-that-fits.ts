import { type Bytes, InputError, requireFinite, requireInteger, type Tokens } from "../base/index.js";
import type { Card } from "./cards.js";
import { kvBytesPerToken, type ModelShape, weightBytes } from "./model-shape.js";

/** Share of a card's memory that the engine may use: vLLM's default `--gpu-memory-utilization`. */
const usualMemoryUtilization = 0.9;

/** Activations of the largest step, CUDA graphs and the runtime: what vLLM measures at start-up and keeps free. */
const assumedWorkingBytes = 2e9;

/** Memory that {@link poolThatFits} counts on. */
export interface PoolOptions {
  /** Share of a card that the engine may use, above 0 and at most 1. Default 0.9. */
  readonly memoryUtilization?: number;
  /** Cards over which tensor parallelism splits the model. Default 1. */
  readonly tensorParallel?: number;
}

/**
 * Tokens of KV that fit beside a model's weights: (memory x utilization - weights - working memory) over the bytes of a
 * token, all of one card. The working memory, 2 GB a card, is assumed: vLLM measures it when it starts. The pool of
 * a public run (Llama-3.1-8B on an RTX 4090) is 6 % larger than the result.
 * @throws InputError when the weights leave no room, and when the heads cannot be split over so many cards
 * @example
 * ```ts
 * import { cardOf, poolThatFits, qwen3With8B } from "prefixlab/hardware";
 * poolThatFits(cardOf("h200"), qwen3With8B); // → 799400
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
  const freeBytes = card.memoryBytes * utilization - cardWeightBytes - assumedWorkingBytes;
  const tokens = Math.floor(freeBytes / (kvBytesPerTokenOver(shape, ranks) / ranks));
  if (tokens < 1)
    throw new InputError(
      `poolThatFits: ${shape.name} needs ${gibibytes(cardWeightBytes)} for its weights${ranks > 1 ? ` on each of ${ranks} cards` : ""}, ${card.name} has ${gibibytes(card.memoryBytes)} of which ${gibibytes(card.memoryBytes * utilization)} may be used: no room for KV`,
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
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
