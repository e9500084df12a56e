/**
 * What vllm-vcr's published figure shows, `docs/images/multiturn-cache-effect.png` of neuralmagic/vllm-vcr v0.2.1: read off
 * the picture, times in ms. The lowest point of a curve of n requests is 1/n, which tells how many are behind it.
 * @example
 * ```ts
 * import { publishedFigure } from "prefixlab/judge";
 * publishedFigure.turns2plus; // → { sent: 396, completed: 38, p50Ms: 24000, p99Ms: 59000 }
 * ```
 */
export const publishedFigure = {
  source: "neuralmagic/vllm-vcr v0.2.1, docs/images/multiturn-cache-effect.png",
  /** 60 s and five times the captured duration of a warm request, about 1.5 s: src/calibrate.rs. */
  requestTimeoutMs: 67_400,
  turn1: { sent: 99, completed: 61, maxMs: 39_500 },
  turns2plus: { sent: 396, completed: 38, p50Ms: 24_000, p99Ms: 59_000 },
} as const;

/**
 * What a real H200 took for prompts of that size without a cache, from another figure of the same project,
 * `docs/images/step-model-counterfactual.png`: quantiles of TTFT read off its captured curve (within 2 %). First and later
 * turns together, and another load than the published scenario's: not to be compared with it.
 * @example
 * ```ts
 * import { h200ColdCurve } from "prefixlab/judge";
 * h200ColdCurve.ttftMs.find(([p]) => p === 0.5); // → [0.5, 460]
 * ```
 */
export const h200ColdCurve = {
  source: "neuralmagic/vllm-vcr v0.2.1, docs/images/step-model-counterfactual.png, captured curve",
  model: "Qwen3-8B, bf16, eager, on one H200",
  sessionsPerSecond: 0.4,
  requests: 555,
  maxNumBatchedTokens: 8_192,
  /** Pairs of a quantile and its time. */
  ttftMs: [
    [0, 288],
    [0.1, 320],
    [0.25, 342],
    [0.5, 460],
    [0.75, 777],
    [0.9, 919],
    [0.95, 1_084],
    [0.99, 1_325],
    [0.995, 1_426],
  ],
} as const;
