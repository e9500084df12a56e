import { DDSketch } from "@datadog/sketches-js";

/** Relative accuracy of the quantiles. */
const relativeAccuracy = 0.001;

/**
 * Count, smallest, largest and quantiles of non-negative numbers that stream by, in bounded memory: a DDSketch (Masson,
 * Rim and Lee 2019). Count, smallest and largest are exact, quantiles within 0.1 %. Mergeable.
 */
export class QuantileSketch {
  readonly #sketch = new DDSketch({ relativeAccuracy });

  get count(): number {
    return this.#sketch.count;
  }

  add(value: number): void {
    // Below this the sketch cannot tell numbers apart, and the number of its bins would have no bound.
    this.#sketch.accept(value < 1e-9 ? 0 : value);
  }

  /** Adds all that another sketch holds; the other is unchanged. */
  merge(other: QuantileSketch): void {
    this.#sketch.merge(other.#sketch);
  }

  /** Smallest, median and largest; undefined when nothing was added. */
  range(): { n: number; min: number; p50: number; max: number } | undefined {
    const { count, min, max } = this.#sketch;
    if (count === 0) return undefined;
    const p50 = Math.min(max, Math.max(min, this.#sketch.getValueAtQuantile(0.5)));
    return { n: count, min, p50, max };
  }
}
