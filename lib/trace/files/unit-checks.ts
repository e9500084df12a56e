import type { TraceRecord } from "../trace.js";

const bucketsPerOctave = 4;
const bucketOffset = 40 * bucketsPerOctave;

/** Median of positive numbers in bounded memory: counts in buckets a quarter of an octave wide. */
class RoughMedian {
  readonly #counts = new Float64Array(100 * bucketsPerOctave);
  count = 0;

  add(value: number): void {
    if (!(value > 0)) return;
    const bucket = Math.floor(Math.log2(value) * bucketsPerOctave) + bucketOffset;
    this.#counts[Math.min(this.#counts.length - 1, Math.max(0, bucket))] += 1;
    this.count++;
  }

  /** The buckets that hold something, with their counts. */
  state(): readonly (readonly [number, number])[] {
    return Array.from(this.#counts.entries()).filter(([, count]) => count > 0);
  }

  merge(state: readonly (readonly [number, number])[]): void {
    for (const [bucket, count] of state) {
      this.#counts[bucket] += count;
      this.count += count;
    }
  }

  value(): number {
    let below = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      below += this.#counts[bucket];
      if (below * 2 >= this.count) return 2 ** ((bucket + 0.5 - bucketOffset) / bucketsPerOctave);
    }
    return Number.NaN;
  }
}

/** What `UnitChecks` found, as plain JSON; times are undefined without an arrival. */
export interface UnitChecksState {
  readonly ttftMs: readonly (readonly [number, number])[];
  readonly gapMs: readonly (readonly [number, number])[];
  readonly arrivals: number;
  readonly firstArrivalMs?: number;
  readonly lastArrivalMs: number;
  readonly maxConcurrency: number;
}

/**
 * Looks for times that are off by a factor of 1,000: seconds or microseconds where milliseconds are expected. Judged
 * on medians over at least eight values, by what no engine does: a token every 0.1 ms or every 3 s, a first token
 * after 0.5 ms or 10 minutes.
 */
export class UnitChecks {
  readonly #ttftMs = new RoughMedian();
  readonly #gapMs = new RoughMedian();
  #arrivals = 0;
  #firstArrivalMs = Number.POSITIVE_INFINITY;
  #lastArrivalMs = 0;
  #maxConcurrency = 0;

  /** Takes note of a record's times; of its gaps, the first four. */
  add(record: TraceRecord): void {
    if (record.ttftMs !== undefined) this.#ttftMs.add(record.ttftMs);
    const gaps = record.itlMs;
    if (gaps) for (let i = 0; i < gaps.length && i < 4; i++) this.#gapMs.add(gaps[i]);
    else if (record.itlSummary) this.#gapMs.add(record.itlSummary.meanMs);
    if (record.arrivalMs !== undefined) {
      this.#arrivals++;
      this.#firstArrivalMs = Math.min(this.#firstArrivalMs, record.arrivalMs);
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, record.arrivalMs);
    }
    if (record.concurrency !== undefined)
      this.#maxConcurrency = Math.max(this.#maxConcurrency, record.concurrency);
  }

  state(): UnitChecksState {
    return {
      ttftMs: this.#ttftMs.state(),
      gapMs: this.#gapMs.state(),
      arrivals: this.#arrivals,
      ...(this.#arrivals > 0 && { firstArrivalMs: this.#firstArrivalMs }),
      lastArrivalMs: this.#lastArrivalMs,
      maxConcurrency: this.#maxConcurrency,
    };
  }

  merge(state: UnitChecksState): void {
    this.#ttftMs.merge(state.ttftMs);
    this.#gapMs.merge(state.gapMs);
    this.#arrivals += state.arrivals;
    this.#firstArrivalMs = Math.min(this.#firstArrivalMs, state.firstArrivalMs ?? Number.POSITIVE_INFINITY);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, state.lastArrivalMs);
    this.#maxConcurrency = Math.max(this.#maxConcurrency, state.maxConcurrency);
  }

  /** One line for each field that looks wrong. */
  warnings(): string[] {
    return [
      verdict("ttft_ms", this.#ttftMs, 0.5, 600_000),
      verdict("itl_ms", this.#gapMs, 0.1, 3_000),
      ...this.#arrivalVerdicts(),
    ].filter((text): text is string => text !== undefined);
  }

  #arrivalVerdicts(): (string | undefined)[] {
    const n = this.#arrivals;
    const spanMs = this.#lastArrivalMs - this.#firstArrivalMs;
    const found: (string | undefined)[] = [];
    if (n > 0 && this.#firstArrivalMs > 1e11)
      found.push(
        `arrival_ms starts at ${this.#firstArrivalMs}: a date, not a time since the start of the capture`,
      );
    if (n < 8) return found;
    const perSecond = ((n - 1) * 1000) / spanMs;
    // A burst has such a rate too, but then all of it is in flight at once; of a small one nobody can tell.
    const isTold = this.#maxConcurrency > 0;
    if (spanMs > 0 && perSecond > 1000 && (isTold ? this.#maxConcurrency < n / 4 : n >= 30)) {
      const rate = `${Math.round(perSecond)} requests a second`;
      found.push(
        isTold || n >= 200
          ? `arrival_ms: ${rate} look like seconds, not milliseconds`
          : `arrival_ms: ${n} requests, ${rate}, are a burst, or seconds`,
      );
    }
    const gapMs = spanMs / (n - 1);
    if (gapMs > 600_000) {
      const days = `${Math.round(gapMs / 1000)} s between requests, ${Math.round(spanMs / 86_400_000)} days in all,`;
      // Nobody logs a request a day; a log over months is like a short one in microseconds in all that arrivals tell.
      found.push(
        gapMs > 86_400_000
          ? `arrival_ms: ${days} look like microseconds`
          : `arrival_ms: ${days} are a sparse log, or microseconds`,
      );
    }
    return found;
  }
}

function verdict(
  field: string,
  values: RoughMedian,
  tooSmallMs: number,
  tooLargeMs: number,
): string | undefined {
  if (values.count < 8) return undefined;
  const medianMs = values.value();
  if (medianMs < tooSmallMs)
    return `${field}: a median near ${medianMs.toPrecision(2)} looks like seconds, not milliseconds`;
  if (medianMs > tooLargeMs)
    return `${field}: a median near ${medianMs.toPrecision(2)} looks like microseconds, not milliseconds`;
  return undefined;
}
