import { InputError, requireFinite, type Tokens } from "../base/index.js";
import type { Card } from "./cards.js";
import { kvBytesPerToken, type ModelShape } from "./model-shape.js";

/** Share of a card's memory that the engine may use: vLLM's default `--gpu-memory-utilization`. */
const usualMemoryUtilization = 0.9;

/** Activations of the largest step, CUDA graphs and the runtime: what vLLM measures at start-up and keeps free. */
const assumedWorkingBytes = 2e9;

/**
 * Tokens of KV that fit beside a model's weights on one card: (memory x utilization - weights - working memory) over the
 * bytes of a token. The working memory, 2 GB, is assumed: vLLM measures it when it starts.
 * @param options.memoryUtilization share of the card that the engine may use, above 0 and at most 1; default 0.9
 * @throws InputError when the weights leave no room
 */
export function poolThatFits(
  card: Card,
  shape: ModelShape,
  options: { readonly memoryUtilization?: number } = {},
): Tokens {
  const utilization = requireFinite(
    "poolThatFits",
    "memoryUtilization",
    options.memoryUtilization ?? usualMemoryUtilization,
    Number.MIN_VALUE,
    1,
  );
  const weightBytes = shape.parameters * shape.bytesPerWeight;
  const freeBytes = card.memoryBytes * utilization - weightBytes - assumedWorkingBytes;
  const tokens = Math.floor(freeBytes / kvBytesPerToken(shape));
  if (tokens < 1)
    throw new InputError(
      `poolThatFits: ${shape.name} needs ${gigabytes(weightBytes)} for its weights, ${card.name} has ${gigabytes(card.memoryBytes)} of which ${gigabytes(card.memoryBytes * utilization)} may be used: no room for KV`,
    );
  return tokens;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
