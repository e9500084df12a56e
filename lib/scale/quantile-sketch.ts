import { DDSketch } from "@datadog/sketches-js";

/** Relative accuracy of the quantiles. */
const relativeAccuracy = 0.001;

/** Whole numbers below this are counted one by one first: tokens come by the million, and are few different ones. */
const countedBelow = 1 << 16;

/** The contents of a sketch as plain JSON: counts of zeros and by bin, and the range; undefined when nothing was added. */
export interface QuantileSketchState {
  readonly zeros: number;
  readonly bins: readonly (readonly [number, number])[];
  readonly min?: number;
  readonly max?: number;
}

/**
 * Count, smallest, largest and quantiles of non-negative numbers that stream by, in bounded memory: a DDSketch (Masson,
 * Rim and Lee 2019). Count, smallest and largest are exact, the median (type 7) within 0.1 %. Mergeable.
 */
export class QuantileSketch {
  readonly #sketch = new DDSketch({ relativeAccuracy });
  #counts = new Float64Array(0);
  #counted = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** The sketch whose `state()` was this. */
  static restore(state: QuantileSketchState): QuantileSketch {
    const sketch = new QuantileSketch();
    if (state.zeros > 0) sketch.#sketch.accept(0, state.zeros);
    for (const [bin, count] of state.bins) sketch.#sketch.accept(sketch.#sketch.mapping.value(bin), count);
    sketch.#min = state.min ?? Number.POSITIVE_INFINITY;
    sketch.#max = state.max ?? Number.NEGATIVE_INFINITY;
    return sketch;
  }

  get count(): number {
    return this.#sketch.count + this.#counted;
  }

  add(given: number): void {
    // Below this the sketch cannot tell numbers apart, and the number of its bins would have no bound.
    const value = given < 1e-9 ? 0 : given;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (value < countedBelow && (value | 0) === value) {
      if (value >= this.#counts.length) this.#grow(value);
      this.#counts[value]++;
      this.#counted++;
    } else this.#sketch.accept(value);
  }

  /** Adds all that another sketch holds; the other is unchanged. */
  merge(other: QuantileSketch): void {
    const { zeros, bins } = other.state();
    this.#flush();
    if (zeros > 0) this.#sketch.accept(0, zeros);
    for (const [bin, count] of bins) this.#sketch.accept(this.#sketch.mapping.value(bin), count);
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  state(): QuantileSketchState {
    this.#flush();
    const { zeroCount, store } = this.#sketch;
    const bins = store.bins.flatMap((count, i): [number, number][] =>
      count > 0 ? [[i + store.offset, count]] : [],
    );
    return { zeros: zeroCount, bins, ...(this.count > 0 && { min: this.#min, max: this.#max }) };
  }

  /** Smallest, median and largest; undefined when nothing was added. */
  range(): { n: number; min: number; p50: number; max: number } | undefined {
    this.#flush();
    const { count } = this.#sketch;
    if (count === 0) return undefined;
    const [min, max] = [this.#min, this.#max];
    // Type 7: between the two in the middle where there is no middle one.
    const [low, high] = [Math.floor((count - 1) / 2), Math.ceil((count - 1) / 2)];
    const p50 = (this.#valueAt(low) + this.#valueAt(high)) / 2;
    return { n: count, min, p50, max };
  }

  /** The value with so many smaller ones. */
  #valueAt(rank: number): number {
    const { count } = this.#sketch;
    if (rank === 0) return this.#min;
    if (rank === count - 1) return this.#max;
    // The sketch takes ranks as parts of their number: rounding must not fall below a whole one.
    const value = this.#sketch.getValueAtQuantile((rank + 0.25) / (count - 1));
    return Math.min(this.#max, Math.max(this.#min, value));
  }

  #grow(value: number): void {
    const larger = new Float64Array(Math.min(countedBelow, 2 * Math.max(512, value)));
    larger.set(this.#counts);
    this.#counts = larger;
  }

  /** Puts what was counted one by one into the sketch. */
  #flush(): void {
    if (this.#counted === 0) return;
    for (let value = 0; value < this.#counts.length; value++)
      if (this.#counts[value] > 0) this.#sketch.accept(value, this.#counts[value]);
    this.#counts.fill(0);
    this.#counted = 0;
  }
}
