import type { RandomStream } from "../base/index.js";
import type { StepLoad } from "./latency-model.js";
import { type NoiseBin, nearestBins, prefillClass, seqsClass, seqsClasses } from "./noise-donors.js";

/** Longest stretch taken from one donor run before another is drawn. */
const maxStretch = 64;

/**
 * Draws step noise from donors: a circular block bootstrap (Politis and Romano 1992) within each bin. A stretch
 * starts at a ratio drawn uniformly, walks its run (around its end to its start) for at most the run's length, and
 * then the next is drawn. Every bin keeps its own place, so a prefill between two decodes does not break a spell.
 */
export class NoiseSampler {
  readonly #bins: readonly NoiseBin[];
  readonly #nearest: Int16Array;
  readonly #random: RandomStream;
  readonly #position: Int32Array;
  readonly #runStart: Int32Array;
  readonly #runEnd: Int32Array;
  readonly #left: Int32Array;

  constructor(bins: readonly NoiseBin[], random: RandomStream) {
    this.#bins = bins;
    this.#nearest = nearestBins(bins);
    this.#random = random;
    this.#position = new Int32Array(bins.length);
    this.#runStart = new Int32Array(bins.length);
    this.#runEnd = new Int32Array(bins.length);
    this.#left = new Int32Array(bins.length);
  }

  /** Observed over predicted duration for a step with this load; 1 when there are no donors. */
  next(load: StepLoad): number {
    if (this.#bins.length === 0) return 1;
    const seqs = Math.min(seqsClasses - 1, seqsClass(load.decodeSeqs));
    const b = this.#nearest[prefillClass(load.prefillTokens) * seqsClasses + seqs] as number;
    if (this.#left[b] === 0) this.#startStretch(b);
    this.#left[b]!--;
    const at = this.#position[b] as number;
    this.#position[b] = at + 1 < (this.#runEnd[b] as number) ? at + 1 : (this.#runStart[b] as number);
    return (this.#bins[b] as NoiseBin).ratios[at] as number;
  }

  #startStretch(b: number): void {
    const bin = this.#bins[b] as NoiseBin;
    const at = this.#random.integer(bin.ratios.length);
    let low = 0;
    let high = bin.runStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((bin.runStarts[middle] as number) <= at) low = middle;
      else high = middle - 1;
    }
    this.#position[b] = at;
    this.#runStart[b] = bin.runStarts[low] as number;
    this.#runEnd[b] = low + 1 < bin.runStarts.length ? (bin.runStarts[low + 1] as number) : bin.ratios.length;
    this.#left[b] = Math.min(maxStretch, (this.#runEnd[b] as number) - (this.#runStart[b] as number));
  }
}
