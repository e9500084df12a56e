import { type Ms, median, requireInteger, type Tokens } from "../base/index.js";
import { emptyStepLoad, type StepLoad } from "../latency/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import { emissionTimes } from "./emission-times.js";
import { chunkTokenDepth, uncachedPromptTokens } from "./prefill-chunks.js";
import { alignSteps, type StepClock } from "./step-clock.js";

/** Token budget of a step where nothing says: vLLM's default for a server. */
export const assumedBudgetTokens: Tokens = 2048;

/** What {@link reconstructSteps} has to know of the engine. */
export interface ReconstructOptions {
  /** The engine's token budget a step. Default: the trace's own, else 2,048. */
  readonly maxNumBatchedTokens?: Tokens;
  /** Longest chunk of one prefill in a step; 0 = no cap of its own (default). */
  readonly longPrefillTokenThreshold?: Tokens;
}

/** One engine step as the recorder saw it. */
export interface ObservedStep {
  /** When the first of its tokens reached the client. */
  readonly endMs: Ms;
  /** Median gap of the requests that emitted in this step and the one before; undefined when there is none. */
  readonly durationMs: Ms | undefined;
  /** What it computed. */
  readonly load: StepLoad;
  /** Tokens it emitted, first tokens included. */
  readonly emitted: number;
  /** Why the load is not certain; undefined when it is. */
  readonly doubt: string | undefined;
}

/** The visible steps of a capture and where each request's tokens lie in them. */
export interface StepReconstruction {
  readonly steps: readonly ObservedStep[];
  /** Per record of the trace, the step of its first token; -1 where its tokens' times are not known. */
  readonly firstStep: Int32Array;
  /** Per record, the times of its tokens at the client, ms; NaN inside a chunk of several. */
  readonly emissions: readonly (Float64Array | undefined)[];
}

/**
 * Recovers the engine's steps from what a recorder that sees all traffic saw. Decodes share steps, so the tokens
 * of all requests line up on one clock (`alignSteps`). A prefill emits its first token in the step of its
 * last chunk; its earlier chunks are found backwards from there by the scheduler's rule: decodes take one token of
 * the budget each, prefills the rest, first come first served (vLLM V1). Steps without a decode emit nothing and
 * stay hidden.
 * @throws InputError when an option is no positive integer
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { reconstructSteps } from "prefixlab/fit";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { steps } = reconstructSteps(trace);
 * steps.length; // → 5423
 * ```
 */
export function reconstructSteps(trace: Trace, options: ReconstructOptions = {}): StepReconstruction {
  const budget = options.maxNumBatchedTokens ?? trace.meta.engine?.maxNumBatchedTokens ?? assumedBudgetTokens;
  requireInteger("reconstructSteps", "maxNumBatchedTokens", budget, 1);
  const threshold = options.longPrefillTokenThreshold ?? 0;
  requireInteger("reconstructSteps", "longPrefillTokenThreshold", threshold);

  const { records } = trace;
  const emissions = records.map(emissionTimes);
  const clock = alignSteps(emissions);
  const draft = new StepDraft(clock, records);
  draft.addDecodes(records, emissions);
  draft.doubtUntimed(records, emissions);
  const byArrival = records
    .map((_, i) => i)
    .filter((i) => clock.firstStep[i] >= 0)
    .sort((a, b) => records[a].arrivalMs! - records[b].arrivalMs!);
  for (const i of byArrival)
    draft.addPrefill(records[i], clock.firstStep[i], budget, threshold > 0 ? threshold : budget);
  return { steps: draft.finish(), firstStep: clock.firstStep, emissions };
}

/** Load and doubts of every step while they are being found. */
class StepDraft {
  readonly #clock: StepClock;
  readonly #loads: StepLoad[];
  readonly #gaps: Ms[][];
  readonly #emitted: Int32Array;
  readonly #doubts: (string | undefined)[];
  /** No request waits longer for the scheduler than the fastest needed for its first token. */
  readonly #shortestTtftMs: Ms;

  constructor(clock: StepClock, records: readonly TraceRecord[]) {
    this.#clock = clock;
    this.#shortestTtftMs = records.reduce(
      (least, { ttftMs }) => Math.min(least, ttftMs ?? least),
      Number.POSITIVE_INFINITY,
    );
    this.#loads = Array.from({ length: clock.steps }, emptyStepLoad);
    this.#gaps = Array.from({ length: clock.steps }, () => []);
    this.#emitted = new Int32Array(clock.steps);
    this.#doubts = new Array<string | undefined>(clock.steps).fill(undefined);
  }

  addDecodes(records: readonly TraceRecord[], emissions: readonly (Float64Array | undefined)[]): void {
    records.forEach((record, i) => {
      const times = emissions[i];
      if (!times) return;
      const first = this.#clock.firstStep[i];
      for (let k = 0; k < times.length; k++) {
        this.#emitted[first + k]++;
        if (k === 0) continue;
        const load = this.#loads[first + k];
        load.decodeSeqs++;
        load.decodeContextTokens += record.promptTokens + k;
        const gap = times[k] - times[k - 1];
        if (!Number.isNaN(gap)) this.#gaps[first + k].push(gap);
      }
    });
  }

  /** Requests whose tokens were not timed, or do not fit the clock, leave the steps during their life in doubt. */
  doubtUntimed(records: readonly TraceRecord[], emissions: readonly (Float64Array | undefined)[]): void {
    const { firstStep, misfitMs } = this.#clock;
    records.forEach((record, i) => {
      const times = emissions[i];
      const first = firstStep[i];
      if (times) {
        const gap = median(record.itlMs ?? []) ?? Number.POSITIVE_INFINITY;
        if (misfitMs[i] > gap / 2) this.#doubt(first, first + times.length - 1, "tokens do not line up");
      } else if (record.arrivalMs !== undefined) {
        const { arrivalMs } = record;
        const endMs = arrivalMs + (record.elapsedMs ?? record.ttftMs ?? 0);
        const last = firstAtOrAfter(this.#clock.endMs, endMs);
        this.#doubt(firstAtOrAfter(this.#clock.endMs, arrivalMs), last, "an untimed request was in flight");
      }
    });
  }

  /** Allots a prefill's chunks backwards from the step of its first token. */
  addPrefill(record: TraceRecord, last: number, budget: Tokens, longestChunk: Tokens): void {
    const uncached = uncachedPromptTokens(record.promptTokens, record.cachedTokens ?? 0);
    const room = (s: number) => {
      const load = this.#loads[s];
      return Math.max(0, Math.min(longestChunk, budget - load.decodeSeqs - load.prefillTokens));
    };
    let start = last;
    let total = room(last);
    while (total < uncached && this.#followsVisibly(start)) {
      start--;
      total += room(start);
    }
    // Where the prefill would end in the same step had it begun earlier, it began as early as it could.
    const arrivalMs = record.arrivalMs as Ms;
    const { endMs } = this.#clock;
    while (start >= 2 && this.#followsVisibly(start) && endMs[start - 2] >= arrivalMs) {
      const earlier = total + room(start - 1);
      if (earlier - room(last) >= uncached) break;
      start--;
      total = earlier;
      if (room(start) > 0 && endMs[start - 1] - arrivalMs < this.#shortestTtftMs)
        this.#doubt(start, last, "a prefill may have begun in either of two steps");
    }
    let position = record.promptTokens - Math.min(total, uncached);
    for (let s = start; s <= last; s++) {
      const tokens = Math.min(room(s), record.promptTokens - position);
      if (tokens <= 0) {
        if (s === last) this.#doubt(start, last, "a prefill ended later than the scheduler's rule says");
        continue;
      }
      const load = this.#loads[s];
      load.prefillTokens += tokens;
      load.prefillTokenDepth += chunkTokenDepth(position, position + tokens);
      load.prefillSeqs++;
      position += tokens;
    }
    if (this.#followsVisibly(start) && endMs[start - 1] < arrivalMs)
      this.#doubt(start, last, "a prefill began before its request arrived");
  }

  finish(): ObservedStep[] {
    return this.#loads.map((load, s) => ({
      endMs: this.#clock.endMs[s],
      durationMs: median(this.#gaps[s]),
      load,
      emitted: this.#emitted[s],
      doubt: this.#doubts[s],
    }));
  }

  /** True when a request that was decoding before this step still decodes in it: no hidden step lies between. */
  #followsVisibly(step: number): boolean {
    return this.#loads[step].decodeSeqs > 0;
  }

  #doubt(first: number, last: number, reason: string): void {
    for (let s = first; s <= Math.min(last, this.#clock.steps - 1); s++) this.#doubts[s] ??= reason;
  }
}

function firstAtOrAfter(endMs: Float64Array, time: Ms): number {
  let low = 0;
  let high = endMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endMs[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
