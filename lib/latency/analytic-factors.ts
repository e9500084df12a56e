import type { Ms } from "../base/index.js";
import type { CardName } from "../hardware/index.js";

/** How much of its data sheet a card gives, and what a step costs beside that. */
export interface EfficiencyFactors {
  /** Kernels of a layer that are too short to fill the card. */
  readonly layerMs: Ms;
  /** Of norms of queries and keys, where a model has them. */
  readonly headNormMs: Ms;
  /** Shares of the bandwidth: passing over weights, reading a decode's KV. */
  readonly weightBandwidth: number;
  readonly kvBandwidth: number;
  /** Share of the bf16 peak in a prefill's attention. */
  readonly attentionCompute: number;
  /** Products in fp8 and in experts, as shares of what the card does in bf16 and in dense layers, each of its peak. */
  readonly fp8Compute: number;
  readonly expertCompute: number;
  /**
   * Element-wise passes: 16-bit numbers read and written a token, layer and hidden dimension. Counted, not fitted: two
   * additions with their norms move 8, a gate over three times the hidden size 9, rotary embedding and copies the rest.
   */
  readonly elementWiseNumbers: number;
  /** Tokens of a step count this much in the share of experts read: routing is less even than chance. */
  readonly expertSpread: number;
  /** An all-reduce of nothing, over each kind of link. */
  readonly exchangeMs: Readonly<Record<CardFactors["link"], Ms>>;
}

/** Factors of one card. */
export interface CardFactors {
  /** Share of the peak in a large matrix product. */
  readonly compute: number;
  readonly link: "nvlink" | "pcie";
  /** Share of the link's bandwidth in an all-reduce. */
  readonly exchangeBandwidth: number;
  /** More than two cards exchange through the host, which they share. */
  readonly throughHost?: true;
}

/**
 * Calibrated by test/reference/analytic/calibrate.ts on AISimulate's tables of operators measured under vLLM, on 27 of 63
 * pairs of model and card.
 */
export const calibratedFactors: EfficiencyFactors = {
  layerMs: 0.0332,
  headNormMs: 0.039,
  weightBandwidth: 0.787,
  kvBandwidth: 0.835,
  attentionCompute: 0.639,
  fp8Compute: 0.757,
  expertCompute: 0.339,
  elementWiseNumbers: 24,
  expertSpread: 0.74,
  exchangeMs: { nvlink: 0.00877, pcie: 0.0146 },
};

const hopper = { compute: 0.807, link: "nvlink", exchangeBandwidth: 0.795 } as const;
const ada = { link: "pcie", exchangeBandwidth: 0.476, throughHost: true } as const;

/**
 * A whole step over the sum of its operators: launches, sampling, the engine's work between steps. By which mean TPOT of
 * two public runs comes out as captured, vLLM 0.19 on RTX PRO 6000, 1.19 (Llama-3.1-8B) and 1.27 (Qwen3-32B on two cards),
 * their geometric mean; test/reference/analytic/engine-factor.ts.
 */
export const engineFactor = 1.23;

/**
 * Of each card. H200 and H100 are one chip. No table has the RTX 4090: it is taken to compute as the other card for
 * workstations does, and to exchange as the other one of its architecture.
 */
export const calibratedCards: Readonly<Record<CardName, CardFactors>> = {
  h100: hopper,
  h200: hopper,
  b200: { compute: 0.652, link: "nvlink", exchangeBandwidth: 0.365 },
  a100: { compute: 0.875, link: "nvlink", exchangeBandwidth: 0.335 },
  l40s: { compute: 0.551, ...ada },
  "rtx-pro-6000": { compute: 0.843, link: "pcie", exchangeBandwidth: 0.365 },
  "rtx-4090": { compute: 0.843, ...ada },
};
