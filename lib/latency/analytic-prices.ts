import { InputError, type Ms } from "../base/index.js";
import {
  attentionFlopsPerPair,
  type Card,
  type CardName,
  cards,
  denseBytesRead,
  expertBytes,
  flopsPerToken,
  kvBytesPerTokenOver,
  type ModelShape,
  requireTensorParallel,
} from "../hardware/index.js";
import {
  type CardFactors,
  calibratedCards,
  calibratedFactors,
  type EfficiencyFactors,
} from "./analytic-factors.js";
import type { StepLoad } from "./latency-model.js";

/** What a step costs, by the terms of {@link priceAnalyticStep}. All are of one card of those that share the model. */
export interface AnalyticPrices {
  /** Any step: short kernels, and all-reduces of nothing. */
  readonly stepMs: Ms;
  /** A pass over the weights that every step reads, and over those of all experts. */
  readonly weightsMs: Ms;
  readonly expertsMs: Ms;
  /** Chance that a token leaves an expert out; 1 for a dense model. */
  readonly expertMissShare: number;
  /** Matrix products of a token, and of the output layer for a sequence that gets one. */
  readonly tokenMs: Ms;
  readonly drawnTokenMs: Ms;
  /** Element-wise passes and all-reduces of a token. */
  readonly tokenPassMs: Ms;
  /** Attention of a prompt token to one token before it. */
  readonly tokenDepthMs: Ms;
  /** KV of one token of a decode's context. */
  readonly contextTokenMs: Ms;
}

/** A model on cards. */
export interface AnalyticSetup {
  readonly shape: ModelShape;
  readonly card: CardName;
  /** Cards that share the model by tensor parallelism. Default 1. */
  readonly tensorParallel?: number;
}

/**
 * Prices of a model's steps on a card: its data sheet, times the calibrated factors.
 * @throws InputError when the card has no such number format, or the cards cannot share the model's heads
 */
export function analyticPrices(
  setup: AnalyticSetup,
  factors: EfficiencyFactors = calibratedFactors,
  cardFactors: Readonly<Record<CardName, CardFactors>> = calibratedCards,
): AnalyticPrices {
  const { shape, card: name } = setup;
  const ranks = requireTensorParallel("analyticModel", shape, setup.tensorParallel ?? 1);
  const card: Card = cards[name];
  const of = cardFactors[name];
  const { experts, layers, hiddenSize } = shape;

  const isFp8 = shape.bytesPerWeight === 1;
  const peak = isFp8 ? card.peakFlops.fp8 : card.peakFlops.bf16;
  if (peak === undefined)
    throw new InputError(
      `analyticModel: ${card.name} does not compute in fp8: give dtype bf16, or another card`,
    );
  const flops = ranks * peak * of.compute * (isFp8 ? factors.fp8Compute : 1);
  const perSecond = ranks * card.memoryBytesPerSecond;
  const chosenExperts = experts ? (2 * experts.parameters * experts.perToken) / experts.count : 0;
  const denseFlops = flopsPerToken(shape) - chosenExperts;

  const { exchangeMs, exchangeBytesPerToken } = exchanges(shape, ranks, of, factors);
  const toMs = 1000;
  return {
    stepMs: layers * (factors.layerMs + (shape.headNorms ? factors.headNormMs : 0)) + exchangeMs,
    weightsMs: (toMs * denseBytesRead(shape)) / (perSecond * factors.weightBandwidth),
    expertsMs: (toMs * expertBytes(shape)) / (perSecond * factors.weightBandwidth),
    expertMissShare: experts ? (1 - experts.perToken / experts.count) ** factors.expertSpread : 1,
    tokenMs: (toMs * (denseFlops + chosenExperts / factors.expertCompute)) / flops,
    drawnTokenMs: (toMs * 2 * shape.outputParameters) / flops,
    tokenPassMs:
      (toMs * factors.elementWiseNumbers * layers * hiddenSize * 2) / card.memoryBytesPerSecond +
      (toMs * exchangeBytesPerToken) / (card.linkBytesPerSecond * of.exchangeBandwidth),
    tokenDepthMs:
      (toMs * attentionFlopsPerPair(shape)) / (ranks * card.peakFlops.bf16 * factors.attentionCompute),
    contextTokenMs: (toMs * kvBytesPerTokenOver(shape, ranks)) / (perSecond * factors.kvBandwidth),
  };
}

/** Two all-reduces a layer: what they cost of themselves, and the bytes that each card sends for a token. */
function exchanges(shape: ModelShape, ranks: number, of: CardFactors, factors: EfficiencyFactors) {
  if (ranks === 1) return { exchangeMs: 0, exchangeBytesPerToken: 0 };
  const times = 2 * shape.layers;
  const shared = of.throughHost && ranks > 2 ? ranks : 1;
  return {
    exchangeMs: times * factors.exchangeMs[of.link],
    exchangeBytesPerToken: times * shape.hiddenSize * 2 * 2 * ((ranks - 1) / ranks) * shared,
  };
}

/**
 * Duration of a step, ms: what any step takes, the larger of passing over the weights and of the products of its tokens,
 * and kernels that run beside neither: element-wise passes, attention, reading KV.
 */
export function priceAnalyticStep(prices: AnalyticPrices, load: StepLoad): Ms {
  const { prefillTokens, decodeSeqs } = load;
  const tokens = prefillTokens + decodeSeqs;
  const expertsRead = prices.expertsMs === 0 ? 0 : prices.expertsMs * (1 - prices.expertMissShare ** tokens);
  return (
    prices.stepMs +
    Math.max(
      prices.weightsMs + expertsRead,
      prices.tokenMs * tokens + prices.drawnTokenMs * (load.prefillSeqs + decodeSeqs),
    ) +
    prices.tokenPassMs * tokens +
    prices.tokenDepthMs * load.prefillTokenDepth +
    prices.contextTokenMs * load.decodeContextTokens
  );
}
