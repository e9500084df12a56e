import type { Ms } from "../base/index.js";

/** The times just after ends that are followed by a pause, as a growing sum. */
export class PauseWindows {
  readonly #opens: Float64Array;
  readonly #closes: Float64Array;
  /** Covered up to the end of each window. */
  readonly #sums: Float64Array;
  #count = 0;

  /**
   * @param ended requests by end
   * @param nextMs when each was gone on from, infinity for never
   * @param pauseMs shortest pause that counts
   * @param withinMs longest window
   */
  constructor(
    ended: Int32Array,
    endMs: Float64Array,
    nextMs: Float64Array,
    { pauseMs, withinMs }: { readonly pauseMs: Ms; readonly withinMs: Ms },
  ) {
    this.#opens = new Float64Array(ended.length);
    this.#closes = new Float64Array(ended.length);
    this.#sums = new Float64Array(ended.length);
    let sum = 0;
    let untilMs = Number.NEGATIVE_INFINITY;
    for (const i of ended) {
      if (nextMs[i] === Number.POSITIVE_INFINITY || nextMs[i] - endMs[i] < pauseMs) continue;
      const opensMs = Math.max(endMs[i], untilMs);
      const closesMs = Math.min(nextMs[i], endMs[i] + withinMs);
      if (closesMs <= opensMs) continue;
      sum += closesMs - opensMs;
      this.#opens[this.#count] = opensMs;
      this.#closes[this.#count] = closesMs;
      this.#sums[this.#count++] = sum;
      untilMs = closesMs;
    }
  }

  /** Share of the time between two moments that lies in a window. */
  shareOf(fromMs: Ms, toMs: Ms): number {
    return toMs <= fromMs ? 1 : (this.#upTo(toMs) - this.#upTo(fromMs)) / (toMs - fromMs);
  }

  #upTo(atMs: Ms): Ms {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#opens[middle] <= atMs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : this.#sums[low - 1] - Math.max(0, this.#closes[low - 1] - atMs);
  }
}
