import type { RandomStream } from "../base/index.js";
import { type DonorAxes, type DonorBin, nearestBins } from "./donor-bins.js";

/** Longest stretch taken from one donor run before another is drawn. */
const maxStretch = 64;

/**
 * Draws from donors: a circular block bootstrap (Politis and Romano 1992) within each bin. A stretch starts at a
 * value drawn uniformly, walks its run (around its end to its start) for at most the run's length, and then the next
 * is drawn. Every bin keeps its own place, so a prefill between two decodes does not break a spell.
 */
export class DonorSampler {
  readonly #bins: readonly DonorBin[];
  readonly #columns: number;
  readonly #nearest: Int16Array;
  readonly #random: RandomStream;
  readonly #position: Int32Array;
  readonly #runStart: Int32Array;
  readonly #runEnd: Int32Array;
  readonly #left: Int32Array;

  constructor(bins: readonly DonorBin[], axes: DonorAxes, random: RandomStream) {
    this.#bins = bins;
    this.#columns = axes.columns;
    this.#nearest = nearestBins(bins, axes);
    this.#random = random;
    this.#position = new Int32Array(bins.length);
    this.#runStart = new Int32Array(bins.length);
    this.#runEnd = new Int32Array(bins.length);
    this.#left = new Int32Array(bins.length);
  }

  /** The next value for a step of this kind, from the nearest bin; 1 when there are no bins. */
  next(row: number, column: number): number {
    const b = this.#nearest[row * this.#columns + column];
    if (b < 0) return 1;
    if (this.#left[b] === 0) this.#startStretch(b);
    this.#left[b]--;
    const at = this.#position[b];
    this.#position[b] = at + 1 < this.#runEnd[b] ? at + 1 : this.#runStart[b];
    return this.#bins[b].values[at];
  }

  #startStretch(b: number): void {
    const { values, runStarts } = this.#bins[b];
    const at = this.#random.integer(values.length);
    let low = 0;
    let high = runStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (runStarts[middle] <= at) low = middle;
      else high = middle - 1;
    }
    this.#position[b] = at;
    this.#runStart[b] = runStarts[low];
    this.#runEnd[b] = low + 1 < runStarts.length ? runStarts[low + 1] : values.length;
    this.#left[b] = Math.min(maxStretch, this.#runEnd[b] - this.#runStart[b]);
  }
}
