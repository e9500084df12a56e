import { type Ms, quantile } from "../base/index.js";
import { lonePrefillSteps } from "../fit/index.js";
import {
  emptyStepLoad,
  type LatencyModel,
  latencyModelFromJson,
  type PriceFactors,
  type StepLoad,
  type StepTimer,
  scalePrices,
} from "../latency/index.js";
import { replayConditions } from "../replay/index.js";
import type { Trace } from "../trace/index.js";
import { idleRequests } from "./idle-requests.js";

/** How fast one start of an engine was beside its model: captured / modeled, of requests that had the engine to themselves. */
export interface StartSpeed extends PriceFactors {
  /** Requests behind it. */
  readonly requests: number;
  /** When the last of them arrived. */
  readonly untilMs: Ms;
}

/** Which idle requests of a capture are looked at, in order of arrival. */
export interface StartSpeedOptions {
  /** Default 10; fewer where there are fewer. */
  readonly requests?: number;
  /** How many of the first are passed over. Default 0. */
  readonly skip?: number;
}

/** Draws of a request's steps that the model's own noise is taken from. */
const draws = 16;
/** Beyond these a factor is no speed. */
const range = [1 / 8, 8] as const;

/**
 * The speed of the engine start behind a capture, from the first requests that found the engine idle and were alone until
 * their first token: the median of captured over modeled gaps, up to the next arrival, and then the factor on the prices of
 * prefills at which the median modeled TTFT is the captured one. Nothing is replayed: such a request waits for nobody, so
 * that its time is the sum of its steps and overheads. The model's own noise, whose median need not be 1, is divided out.
 * @returns undefined without such a request, or for a model that has no prices
 * @example
 * ```ts
 * import { fitLatency, readCapture, readCaptures } from "prefixlab";
 * import { startSpeed } from "prefixlab/judge";
 * const { model } = fitLatency(await readCaptures({ role: "fit" }));
 * const captured = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * // A start that was fast at decoding.
 * startSpeed(captured, model)?.decode; // → 0.6444
 * ```
 */
export function startSpeed(
  trace: Trace,
  model: LatencyModel,
  { requests = 10, skip = 0 }: StartSpeedOptions = {},
): StartSpeed | undefined {
  if (model.toJson().step === undefined) return undefined;
  const used = idleRequests(trace).slice(skip, skip + requests);
  if (used.length === 0) return undefined;
  const { maxNumBatchedTokens, longPrefillTokenThreshold } = replayConditions({ trace }, { model }).engine
    .settings;
  const work = used.map(({ index, gapsMs }): LoneWork => {
    const { promptTokens, cachedTokens = 0, ttftMs } = trace.records[index];
    return {
      promptTokens,
      ttftMs: ttftMs as Ms,
      prefill: lonePrefillSteps(promptTokens, cachedTokens, maxNumBatchedTokens, longPrefillTokenThreshold),
      gapsMs,
    };
  });
  const decode = decodeFactor(work, model);
  const prefill = prefillFactor(work, model, decode);
  const last = trace.records[used[used.length - 1].index];
  return { prefill, decode, requests: used.length, untilMs: last.arrivalMs as Ms };
}

interface LoneWork {
  readonly promptTokens: number;
  readonly ttftMs: Ms;
  readonly prefill: readonly StepLoad[];
  readonly gapsMs: readonly Ms[];
}

function decodeFactor(work: readonly LoneWork[], model: LatencyModel): number {
  const steps = work.flatMap(({ promptTokens, gapsMs }) =>
    gapsMs.flatMap((gapMs, i) =>
      gapMs > 0
        ? [{ gapMs, load: { ...emptyStepLoad(), decodeSeqs: 1, decodeContextTokens: promptTokens + i + 1 } }]
        : [],
    ),
  );
  const timer = withoutNoise(model).timer(1);
  const captured = quantile(
    steps.map(({ gapMs, load }) => gapMs / timer.stepMs(load)),
    0.5,
  );
  const noise = typicalNoise(
    model,
    steps.map(({ load }) => [load]),
  );
  return captured === undefined ? 1 : within(captured / noise);
}

/** Modeled TTFTs rise with the factor, whatever the form of the step: halving finds the one at which they are the captured. */
function prefillFactor(work: readonly LoneWork[], model: LatencyModel, decode: number): number {
  const bare = withoutNoise(model);
  const noise = typicalNoise(
    model,
    work.map(({ prefill }) => prefill),
  );
  const emissionMs = quantile((model.toJson().emission_ms as readonly Ms[] | undefined) ?? [], 0.5) ?? 0;
  const isSlower = (prefill: number): boolean => {
    const timer = scalePrices(bare, { prefill, decode }).timer(1);
    const ratios = work.map(({ promptTokens, ttftMs, prefill: loads }) => {
      const overheadMs = timer.arrivalOverheadMs(promptTokens) + emissionMs;
      return (ttftMs - overheadMs) / (noise * sumOfSteps(timer, loads));
    });
    return (quantile(ratios, 0.5) as number) > 1;
  };
  let [low, high] = range as readonly [number, number];
  for (let i = 0; i < 40; i++) {
    const middle = Math.sqrt(low * high);
    if (isSlower(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Median over draws of what a request's steps come to over their prices. */
function typicalNoise(model: LatencyModel, works: readonly (readonly StepLoad[])[]): number {
  const [noisy, bare] = [model.timer("start speed"), withoutNoise(model).timer(1)];
  const ratios = works.flatMap((loads) =>
    Array.from({ length: draws }, () => sumOfSteps(noisy, loads) / sumOfSteps(bare, loads)),
  );
  return quantile(ratios, 0.5) ?? 1;
}

function sumOfSteps(timer: StepTimer, loads: readonly StepLoad[]): Ms {
  return loads.reduce((sum, load) => sum + timer.stepMs(load), 0);
}

function withoutNoise(model: LatencyModel): LatencyModel {
  return latencyModelFromJson({ ...model.toJson(), noise: [] });
}

function within(factor: number): number {
  return Math.min(range[1], Math.max(range[0], factor));
}
