import { InputError, type Ms, mean, nonNegativeLeastSquares, type Tokens } from "../base/index.js";

/** TTFT of a request that was alone on the engine, and the prefill behind it. */
export interface ServicePoint {
  readonly uncachedTokens: Tokens;
  /** Tokens times depth, (promptTokens^2 - cachedTokens^2) / 2. */
  readonly tokenDepth: number;
  /** Steps of the prefill. */
  readonly steps: number;
  readonly ttftMs: Ms;
}

/**
 * Time to first token without waiting, `requestMs + steps * stepMs + tokenMs * u + tokenDepthMs * depth` for u
 * uncached tokens. For a cold prompt the depth is u^2 / 2, so this is the curve a + b u + c u^2.
 */
export interface ServiceCurve {
  readonly requestMs: Ms;
  readonly stepMs: Ms;
  readonly tokenMs: number;
  readonly tokenDepthMs: number;
  /** The smallest window: no service is shorter. */
  readonly floorMs: Ms;
}

/** Options of {@link fitServiceCurve}. */
export interface ServiceCurveOptions {
  readonly points: readonly ServicePoint[];
  /** Time of a step apart from its tokens, known from decodes, ms. */
  readonly stepMs: Ms;
  /** Points a window; default: a tenth of them, at least 4. */
  readonly windowPoints?: number;
  /** Share of a window's fastest points that stand for it; default 0.25. */
  readonly lowShare?: number;
}

/**
 * Fits the service curve on the fast end of sliding windows over the uncached tokens: each window is represented by
 * the mean of its fastest points, so that a request that waited unnoticed does not lift the curve. Coefficients are
 * not negative, so the curve never falls.
 * @throws InputError when there are fewer than four points
 */
export function fitServiceCurve(options: ServiceCurveOptions): ServiceCurve {
  const points = [...options.points].sort((a, b) => a.uncachedTokens - b.uncachedTokens);
  const { stepMs, lowShare = 0.25 } = options;
  if (points.length < 4)
    throw new InputError(`fitServiceCurve: needs at least 4 isolated requests, got ${points.length}`);
  const size = Math.min(points.length, options.windowPoints ?? Math.max(4, Math.round(points.length / 10)));
  const rows: number[][] = [];
  const targets: Ms[] = [];
  const stride = Math.max(1, Math.floor(size / 4));
  let floorMs = Number.POSITIVE_INFINITY;
  for (let start = 0; start + size <= points.length; start += stride) {
    const window = points.slice(start, start + size).sort((a, b) => a.ttftMs - b.ttftMs);
    const fast = window.slice(0, Math.max(1, Math.round(lowShare * size)));
    const ttftMs = average(fast, (p) => p.ttftMs);
    rows.push([1, average(fast, (p) => p.uncachedTokens), average(fast, (p) => p.tokenDepth)]);
    targets.push(ttftMs - stepMs * average(fast, (p) => p.steps));
    floorMs = Math.min(floorMs, ttftMs);
  }
  // A few points make a single window: repeat it, so that there are as many rows as columns.
  for (let i = 0; rows.length < 3; i++) {
    rows.push(rows[i]);
    targets.push(targets[i]);
  }
  const weights = targets.map((ms) => 1 / Math.max(ms, 1e-3) ** 2);
  const [requestMs, tokenMs, tokenDepthMs] = nonNegativeLeastSquares(rows, targets, weights);
  return { requestMs: requestMs, stepMs, tokenMs: tokenMs, tokenDepthMs: tokenDepthMs, floorMs };
}

function average(points: readonly ServicePoint[], of: (point: ServicePoint) => number): number {
  return mean(points.map(of)) as number;
}
