import { type Ms, quantile } from "../base/index.js";
import { decodeMs, type TraceRecord } from "../trace/index.js";

/** One request's decode as far as means tell: evenly spaced tokens from its first to its last. */
export interface DecodeSpan {
  readonly firstTokenMs: Ms;
  readonly lastTokenMs: Ms;
  /** Tokens after the first: the decode's steps. */
  readonly steps: number;
  readonly promptTokens: number;
}

/** The decode span of a record; undefined without arrival, first token, or at least one later token. */
export function decodeSpan(record: TraceRecord): DecodeSpan | undefined {
  const { arrivalMs, ttftMs, outputTokens, promptTokens } = record;
  const durationMs = decodeMs(record);
  if (arrivalMs === undefined || ttftMs === undefined || durationMs === undefined) return undefined;
  if (outputTokens < 2 || durationMs <= 0) return undefined;
  const firstTokenMs = arrivalMs + ttftMs;
  return { firstTokenMs, lastTokenMs: firstTokenMs + durationMs, steps: outputTokens - 1, promptTokens };
}

/** A span below this share of its neighbours' pace was not decoding all the time. */
const leastPace = 0.8;

/**
 * Per span, whether it decoded far slower than the spans around it: decoding sequences share every step, so one that
 * made far fewer was preempted for a while. Its neighbours' pace is the third quartile of those at its middle.
 */
export function preemptedSpans(spans: readonly (DecodeSpan | undefined)[]): boolean[] {
  const pace = (span: DecodeSpan): number => span.steps / (span.lastTokenMs - span.firstTokenMs);
  const middle = (span: DecodeSpan): Ms => (span.firstTokenMs + span.lastTokenMs) / 2;
  const known = spans.filter((span) => span !== undefined);
  const live = new LiveSpans(known);
  const slow = new Set<DecodeSpan>();
  for (const span of [...known].sort((a, b) => middle(a) - middle(b))) {
    const beside = live.at(middle(span)).map(pace);
    if (pace(span) < leastPace * (quantile(beside, 0.75) as number)) slow.add(span);
  }
  return spans.map((span) => span !== undefined && slow.has(span));
}

/** Which spans decode at a time, for times that never go back: each span is taken up and let go once. */
export class LiveSpans {
  readonly #byFirst: readonly DecodeSpan[];
  #next = 0;
  #live: DecodeSpan[] = [];

  constructor(spans: readonly DecodeSpan[]) {
    this.#byFirst = [...spans].sort((a, b) => a.firstTokenMs - b.firstTokenMs);
  }

  /** Spans from first to last token at this time, both ends included. */
  at(timeMs: Ms): readonly DecodeSpan[] {
    while (this.#next < this.#byFirst.length && this.#byFirst[this.#next].firstTokenMs <= timeMs)
      this.#live.push(this.#byFirst[this.#next++]);
    this.#live = this.#live.filter((span) => span.lastTokenMs >= timeMs);
    return this.#live;
  }
}

/** A span on whatever clock its tokens are evenly spaced on. */
export interface ClockedSpan {
  readonly first: number;
  readonly last: number;
  readonly steps: number;
  readonly promptTokens: number;
}

/** What all spans together did in a window of time. */
export interface WindowFlow {
  /** Tokens decoded: the sum over the window's steps of the sequences that decoded. */
  readonly decodeSeqs: number;
  /** Sum over the window's steps of the context of the sequences that decoded. */
  readonly decodeContextTokens: number;
}

/**
 * Tokens and attended context of all decodes together, as running totals over time: every span emits its tokens
 * evenly on the clock given. Totals over a window need no guess of the engine's steps: a decoding sequence emits one token a step.
 */
export class TokenFlow {
  readonly #times: Float64Array;
  readonly #tokens: Float64Array;
  readonly #context: Float64Array;
  readonly #rate: Float64Array;
  readonly #contextRate: Float64Array;
  readonly #contextSlope: Float64Array;

  constructor(spans: readonly ClockedSpan[]) {
    // At time t a span emits tokens at its rate, each attending promptTokens + rate * (t - first).
    const changes = spans.flatMap(({ first, last, steps, promptTokens }) => {
      if (!(last > first)) return [];
      const rate = steps / (last - first);
      const atZero = rate * (promptTokens - rate * first);
      return [
        { at: first, rate, atZero, slope: rate * rate },
        { at: last, rate: -rate, atZero: -atZero, slope: -rate * rate },
      ];
    });
    changes.sort((a, b) => a.at - b.at);
    const n = changes.length;
    this.#times = new Float64Array(n);
    this.#tokens = new Float64Array(n);
    this.#context = new Float64Array(n);
    this.#rate = new Float64Array(n);
    this.#contextRate = new Float64Array(n);
    this.#contextSlope = new Float64Array(n);
    let rate = 0;
    let contextRate = 0;
    let contextSlope = 0;
    changes.forEach((change, i) => {
      this.#times[i] = change.at;
      this.#tokens[i] = this.#tokensAt(i - 1, change.at);
      this.#context[i] = this.#contextAt(i - 1, change.at);
      rate += change.rate;
      contextRate += change.atZero;
      contextSlope += change.slope;
      this.#rate[i] = rate;
      this.#contextRate[i] = contextRate;
      this.#contextSlope[i] = contextSlope;
    });
  }

  /** Totals from one time to another. */
  between(from: number, to: number): WindowFlow {
    const start = this.#pieceAt(from);
    const end = this.#pieceAt(to);
    return {
      decodeSeqs: this.#tokensAt(end, to) - this.#tokensAt(start, from),
      decodeContextTokens: this.#contextAt(end, to) - this.#contextAt(start, from),
    };
  }

  #tokensAt(piece: number, time: number): number {
    if (piece < 0) return 0;
    return this.#tokens[piece] + this.#rate[piece] * (time - this.#times[piece]);
  }

  #contextAt(piece: number, time: number): number {
    if (piece < 0) return 0;
    const start = this.#times[piece];
    const width = time - start;
    return (
      this.#context[piece] +
      this.#contextRate[piece] * width +
      (this.#contextSlope[piece] * width * (time + start)) / 2
    );
  }

  #pieceAt(time: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
