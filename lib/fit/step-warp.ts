import type { Ms } from "../base/index.js";
import {
  emptyStepLoad,
  type StepCoefficients,
  type StepForm,
  stepPricer,
  sumForm,
} from "../latency/index.js";
import type { PrefillStep } from "./prefill-steps.js";
import type { DecodeSpan } from "./token-flow.js";

/**
 * Time in steps: how many steps an engine with these prices has made by each moment, from the sequences that were
 * decoding and the prefills that ended. Tokens are evenly spaced in steps, not in time.
 */
export class StepWarp {
  readonly #times: Float64Array;
  readonly #steps: Float64Array;

  /** @param prefillSteps in order of their ends */
  constructor(
    spans: readonly DecodeSpan[],
    prefillSteps: readonly PrefillStep[],
    prices: StepCoefficients,
    form: StepForm = sumForm,
  ) {
    const priceOf = stepPricer(prices, form);
    const changes = spans.flatMap(({ firstTokenMs, lastTokenMs, promptTokens, steps }) => {
      const contextTokens = promptTokens + steps / 2;
      return [
        { at: firstTokenMs, seqs: 1, contextTokens },
        { at: lastTokenMs, seqs: -1, contextTokens: -contextTokens },
      ];
    });
    changes.sort((a, b) => a.at - b.at);
    const load = emptyStepLoad();
    const times: Ms[] = [changes[0]?.at ?? 0];
    const steps: number[] = [0];
    const advance = (toMs: Ms, stepsPerMs: number): void => {
      const fromMs = times[times.length - 1];
      if (toMs <= fromMs) return;
      steps.push(steps[steps.length - 1] + (toMs - fromMs) * stepsPerMs);
      times.push(toMs);
    };
    let nextPrefill = 0;
    for (const change of changes) {
      while (nextPrefill < prefillSteps.length && prefillSteps[nextPrefill].endMs <= change.at) {
        const prefill = prefillSteps[nextPrefill++];
        const decodeMs = Math.max(priceOf(load), shortestStepMs);
        load.prefillTokens = prefill.tokens / prefill.steps;
        load.prefillTokenDepth = prefill.tokenDepth / prefill.steps;
        load.prefillSeqs = prefill.chunks / prefill.steps;
        const stepMs = Math.max(priceOf(load), decodeMs);
        load.prefillTokens = 0;
        load.prefillTokenDepth = 0;
        load.prefillSeqs = 0;
        advance(prefill.endMs - stepMs * prefill.steps, 1 / decodeMs);
        advance(prefill.endMs, 1 / stepMs);
      }
      advance(change.at, 1 / Math.max(priceOf(load), shortestStepMs));
      load.decodeSeqs += change.seqs;
      load.decodeContextTokens += change.contextTokens;
    }
    this.#times = Float64Array.from(times);
    this.#steps = Float64Array.from(steps);
  }

  /** Steps made by this time, fractions included. */
  at(timeMs: Ms): number {
    const times = this.#times;
    let low = 0;
    let high = times.length - 1;
    if (timeMs <= times[low]) return this.#steps[low];
    if (timeMs >= times[high]) return this.#steps[high];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= timeMs) low = middle;
      else high = middle;
    }
    const part = (timeMs - times[low]) / (times[high] - times[low]);
    return this.#steps[low] + part * (this.#steps[high] - this.#steps[low]);
  }
}

const shortestStepMs = 1e-3;
