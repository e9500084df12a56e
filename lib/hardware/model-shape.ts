import type { Bytes, Tokens } from "../base/index.js";

/** Experts of a mixture-of-experts model, of all its layers together. */
export interface ExpertShape {
  /** Experts a layer. */
  readonly count: number;
  /** Of these, how many a token is sent to. */
  readonly perToken: number;
  /** Weights of all experts of all layers. */
  readonly parameters: number;
}

/** What a transformer's `config.json` says of its size: one kind of layer, attention over the whole context. */
export interface ModelShape {
  readonly name: string;
  /** All weights. */
  readonly parameters: number;
  /** Of these, a table of which only the tokens' rows are read: the embeddings, 0 where they are the output layer too. */
  readonly lookupParameters: number;
  /** Of these, the layer that turns the last hidden state into a token: applied where a token is drawn, not to a prompt's others. */
  readonly outputParameters: number;
  /** Undefined: dense. */
  readonly experts?: ExpertShape;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  /** Heads of keys and values: fewer than of queries under grouped-query attention. */
  readonly kvHeads: number;
  readonly headDim: number;
  /** Queries and keys are normed, a head at a time, before attention. */
  readonly headNorms: boolean;
  /** Bytes of a weight of the layers, and of a number in the KV cache. Embeddings and output layer stay at 2. */
  readonly bytesPerWeight: Bytes;
  readonly bytesPerKvNumber: Bytes;
}

/** Bytes of a weight of the embeddings and of the output layer: quantized checkpoints leave them in 16 bits. */
const bytesPerEmbeddingWeight = 2;

/**
 * KV of one token in every layer: a key and a value a head, as vLLM's `FullAttentionSpec` counts it.
 * @example
 * ```ts
 * import { kvBytesPerToken, qwen3With8B } from "prefixlab/hardware";
 * kvBytesPerToken(qwen3With8B); // → 147456
 * ```
 */
export function kvBytesPerToken({ layers, kvHeads, headDim, bytesPerKvNumber }: ModelShape): Bytes {
  return 2 * layers * kvHeads * headDim * bytesPerKvNumber;
}

/** Weights that multiply each token of a prompt: of the experts, those that it is sent to. */
export function activeParameters(shape: ModelShape): number {
  const { parameters, lookupParameters, outputParameters, experts } = shape;
  const layers = parameters - lookupParameters - outputParameters;
  return experts ? layers - experts.parameters * (1 - experts.perToken / experts.count) : layers;
}

/** FLOPs of a prompt token outside attention to others: a multiplication and an addition for each weight. */
export function flopsPerToken(shape: ModelShape): number {
  return 2 * activeParameters(shape);
}

/** FLOPs of attention of one token to one other: a product with its key and one with its value, in each head and layer. */
export function attentionFlopsPerPair({ layers, attentionHeads, headDim }: ModelShape): number {
  return 4 * layers * attentionHeads * headDim;
}

/**
 * Attention of a prompt token to one token before it, as a share of the token's other work, both in FLOPs. A prompt token
 * that costs 0.02 ms at the head of a prompt costs `0.02 * (1 + depthRatio * depth)` ms behind `depth` others, where both
 * kinds of work go at one speed.
 * @example
 * ```ts
 * import { depthRatio, qwen3With8B } from "prefixlab/hardware";
 * depthRatio(qwen3With8B); // → 0.00004246
 * ```
 */
export function depthRatio(shape: ModelShape): number {
  return attentionFlopsPerPair(shape) / flopsPerToken(shape);
}

/** All weights in memory. */
export function weightBytes(shape: ModelShape): Bytes {
  const { parameters, lookupParameters, outputParameters, bytesPerWeight } = shape;
  const embedding = lookupParameters + outputParameters;
  return (parameters - embedding) * bytesPerWeight + embedding * bytesPerEmbeddingWeight;
}

/**
 * Share of a mixture's experts that a step of `tokens` tokens reads, if each token is sent to a random choice of them:
 * `1 - (1 - perToken / count) ^ tokens`. 1 for a dense model.
 * @example
 * ```ts
 * import { expertShareRead, shapeOfModel } from "prefixlab/hardware";
 * const shape = shapeOfModel("Qwen/Qwen3-30B-A3B");
 * [1, 4, 16, 64].map((tokens) => expertShareRead(shape!, tokens)); // → [0.0625, 0.2275, 0.6439, 0.9839]
 * ```
 */
export function expertShareRead({ experts }: ModelShape, tokens: Tokens): number {
  return experts ? shareOfExpertsRead(experts.perToken / experts.count, tokens) : 1;
}

/** The same where a token is sent to this share of the experts. */
export function shareOfExpertsRead(perTokenShare: number, tokens: Tokens): number {
  return 1 - (1 - perTokenShare) ** tokens;
}

/** Weights that every step reads: all but the embeddings' table and the experts. */
export function denseBytesRead(shape: ModelShape): Bytes {
  return weightBytes(shape) - shape.lookupParameters * bytesPerEmbeddingWeight - expertBytes(shape);
}

/** Weights of all experts; 0 for a dense model. */
export function expertBytes({ experts, bytesPerWeight }: ModelShape): Bytes {
  return experts ? experts.parameters * bytesPerWeight : 0;
}
