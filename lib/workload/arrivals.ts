import {
  InputError,
  type Ms,
  type PerSecond,
  requireFinite,
  requireInteger,
  requirePositive,
  stream,
} from "../base/index.js";

/** How long arrivals go on: for a time, up to a number of them, or both, whichever ends first. */
export interface ArrivalSpan {
  readonly durationMs?: Ms;
  readonly count?: number;
}

/**
 * Poisson arrivals: exponential gaps of mean `1000 / ratePerSecond` ms, the first one included. Drawn from
 * `stream(seed, "arrivals")`.
 * @returns times in ms, ascending, all below `durationMs`
 * @throws InputError when the rate is no positive number, or the span has neither duration nor count
 * @example
 * ```ts
 * import { poissonArrivals } from "prefixlab";
 * const arrivalMs = poissonArrivals({ ratePerSecond: 0.8, count: 3, seed: 1 });
 * arrivalMs; // → [51.41, 790.1, 1535]
 * ```
 */
export function poissonArrivals(
  options: ArrivalSpan & { readonly ratePerSecond: PerSecond; readonly seed: number | string },
): Float64Array {
  const meanGapMs = 1000 / requireRate("poissonArrivals", options.ratePerSecond);
  const draws = stream(options.seed, "arrivals");
  requireSpan("poissonArrivals", options);
  const durationMs = options.durationMs ?? Number.POSITIVE_INFINITY;
  const limit = options.count ?? Number.POSITIVE_INFINITY;
  const times: number[] = [];
  let atMs = draws.exponential(meanGapMs);
  while (times.length < limit && atMs < durationMs) {
    times.push(atMs);
    atMs += draws.exponential(meanGapMs);
  }
  return Float64Array.from(times);
}

/**
 * Evenly spaced arrivals, the first at 0.
 * @returns times in ms, ascending, all below `durationMs`
 * @throws InputError when the rate is no positive number, or the span has neither duration nor count
 * @example
 * ```ts
 * import { constantArrivals } from "prefixlab/workload";
 * constantArrivals({ ratePerSecond: 4, durationMs: 1000 }); // → [0, 250, 500, 750]
 * ```
 */
export function constantArrivals(options: ArrivalSpan & { readonly ratePerSecond: PerSecond }): Float64Array {
  const gapMs = 1000 / requireRate("constantArrivals", options.ratePerSecond);
  requireSpan("constantArrivals", options);
  return Float64Array.from(evenlySpaced(gapMs, options));
}

/**
 * Poisson arrivals whose rate climbs a staircase: the duration is divided evenly over `ratesPerSecond`. Each stair
 * has a stream of its own, so that a stair added at the end moves no earlier arrival.
 * @returns times in ms, ascending
 * @throws InputError when a rate is no positive number or there is none
 * @example
 * ```ts
 * import { staircaseArrivals } from "prefixlab/workload";
 * const arrivalMs = staircaseArrivals({ ratesPerSecond: [1, 8], durationMs: 20_000, seed: 1 });
 * arrivalMs.filter((ms) => ms < 10_000).length; // → 7
 * arrivalMs.filter((ms) => ms >= 10_000).length; // → 81
 * ```
 */
export function staircaseArrivals(options: {
  readonly ratesPerSecond: readonly PerSecond[];
  readonly durationMs: Ms;
  readonly seed: number | string;
}): Float64Array {
  const { ratesPerSecond } = options;
  if (ratesPerSecond.length === 0) throw new InputError("staircaseArrivals: needs at least one rate");
  const stairMs =
    requireFinite("staircaseArrivals", "durationMs", options.durationMs, 0) / ratesPerSecond.length;
  return Float64Array.from(
    ratesPerSecond.flatMap((ratePerSecond, stair) => {
      const within = poissonArrivals({
        ratePerSecond,
        durationMs: stairMs,
        seed: `${options.seed}/stair ${stair}`,
      });
      return Array.from(within, (atMs) => stair * stairMs + atMs);
    }),
  );
}

/**
 * Bursts: `burstSize` simultaneous arrivals every `burstIntervalMs`, the first burst at 0.
 * @returns times in ms, ascending, all below `durationMs`
 * @throws InputError when size or interval is not positive
 * @example
 * ```ts
 * import { burstArrivals } from "prefixlab/workload";
 * burstArrivals({ burstSize: 3, burstIntervalMs: 500, durationMs: 1000 }); // → [0, 0, 0, 500, 500, 500]
 * ```
 */
export function burstArrivals(
  options: ArrivalSpan & { readonly burstSize: number; readonly burstIntervalMs: Ms },
): Float64Array {
  requireInteger("burstArrivals", "burstSize", options.burstSize, 1);
  requirePositive("burstArrivals", "burstIntervalMs", options.burstIntervalMs);
  requireSpan("burstArrivals", options);
  const { burstSize, burstIntervalMs } = options;
  return Float64Array.from(
    evenlySpaced(burstIntervalMs, {
      ...options,
      ...(options.count !== undefined && { count: Math.ceil(options.count / burstSize) }),
    }).flatMap((atMs) => new Array<number>(burstSize).fill(atMs)),
  ).slice(0, options.count);
}

/**
 * Concurrency levels of a staircase that doubles up to a peak: 16 gives 1, 2, 4, 8, 16; 6 gives 1, 2, 4, 6.
 * @example
 * ```ts
 * import { doublingStairs } from "prefixlab/workload";
 * doublingStairs(16); // → [1, 2, 4, 8, 16]
 * ```
 */
export function doublingStairs(peak: number): number[] {
  requireInteger("doublingStairs", "peak", peak, 1);
  const stairs: number[] = [];
  for (let level = 1; level < peak; level *= 2) stairs.push(level);
  return [...stairs, peak];
}

function evenlySpaced(gapMs: Ms, span: ArrivalSpan): Ms[] {
  const limit = span.count ?? Number.POSITIVE_INFINITY;
  const durationMs = span.durationMs ?? Number.POSITIVE_INFINITY;
  const times: Ms[] = [];
  // A product, not a running sum: the hundred-thousandth arrival is as exact as the first.
  for (let i = 0; i < limit && i * gapMs < durationMs; i++) times.push(i * gapMs);
  return times;
}

function requireRate(where: string, ratePerSecond: PerSecond): PerSecond {
  return requirePositive(where, "ratePerSecond", ratePerSecond);
}

function requireSpan(where: string, span: ArrivalSpan): void {
  if (span.durationMs === undefined && span.count === undefined)
    throw new InputError(`${where}: needs durationMs, count or both, or it would never end`);
  if (span.durationMs !== undefined) requireFinite(where, "durationMs", span.durationMs, 0);
  if (span.count !== undefined) requireInteger(where, "count", span.count);
}
