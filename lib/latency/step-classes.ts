import type { DonorAxes } from "./donor-bins.js";

/**
 * Classes of prefill tokens in a step: 0 for none, then up to 32, 128, 512, 2,048 tokens and above.
 * @example
 * ```ts
 * import { prefillClass } from "prefixlab/latency";
 * [0, 32, 33, 5000].map(prefillClass); // → [0, 1, 2, 5]
 * ```
 */
export function prefillClass(prefillTokens: number): number {
  if (prefillTokens <= 0) return 0;
  if (prefillTokens <= 32) return 1;
  if (prefillTokens <= 128) return 2;
  if (prefillTokens <= 512) return 3;
  return prefillTokens <= 2048 ? 4 : 5;
}

/**
 * Classes of decoding sequences: 0, 1, 2-3, 4-7, ...: one more than the binary logarithm; 12 from 2,048 on.
 * @example
 * ```ts
 * import { seqsClass } from "prefixlab/latency";
 * [0, 1, 3, 4].map(seqsClass); // → [0, 1, 2, 3]
 * ```
 */
export function seqsClass(decodeSeqs: number): number {
  return decodeSeqs < 1 ? 0 : Math.min(12, 32 - Math.clz32(decodeSeqs));
}

/** Finer classes of decoding sequences: one each up to 8, then four to a doubling; 47 at most. */
export function fineSeqsClass(decodeSeqs: number): number {
  if (decodeSeqs <= 8) return Math.max(0, decodeSeqs);
  return Math.min(47, 8 + Math.ceil(4 * Math.log2(decodeSeqs / 8)));
}

/** Classes of the mean context of the decoding sequences: two to a doubling from 32 tokens on; 31 at most. */
export function contextClass(contextTokensPerSeq: number): number {
  return contextTokensPerSeq <= 32 ? 0 : Math.min(31, Math.ceil(2 * Math.log2(contextTokensPerSeq / 32)));
}

/**
 * Kinds of step for noise: prefill tokens by decoding sequences. Steps with a prefill stand in for steps with a
 * prefill, decodes for decodes, and across the two only when there is nothing else.
 * @example
 * ```ts
 * import { noiseAxes, prefillClass, seqsClass } from "prefixlab/latency";
 * // How unlike a step of 20 prefill tokens and 4 decodes is to one of 100 and 4.
 * noiseAxes.distance(prefillClass(20), seqsClass(4), { row: prefillClass(100), column: seqsClass(4) }); // → 1
 * ```
 */
export const noiseAxes: DonorAxes = {
  rows: 6,
  columns: 13,
  poolsFew: true,
  distance: (row, column, bin) =>
    (row > 0 === bin.row > 0 ? 0 : 1000) + Math.abs(row - bin.row) + Math.abs(column - bin.column),
};

/**
 * Kinds of pure decode step: mean context by decoding sequences, which matter more.
 * @example
 * ```ts
 * import { decodeAxes } from "prefixlab/latency";
 * [decodeAxes.rows, decodeAxes.columns]; // → [32, 48]
 * ```
 */
export const decodeAxes: DonorAxes = {
  rows: 32,
  columns: 48,
  poolsFew: false,
  distance: (row, column, bin) => 3 * Math.abs(column - bin.column) + Math.abs(row - bin.row),
};
