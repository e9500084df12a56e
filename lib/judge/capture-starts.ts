import type { LatencyModel, PriceFactors } from "../latency/index.js";
import type { ScenarioCapture } from "./replay-scenario.js";
import { type StartSpeed, startSpeed } from "./start-speed.js";

/** How fast the engine start behind one capture was. */
export interface CaptureStart {
  readonly capture: ScenarioCapture;
  /** From its first idle requests. */
  readonly first: StartSpeed;
  /** From all idle requests after those: whether the start went on as it began. Undefined where there are too few. */
  readonly later?: StartSpeed;
}

/** Idle requests that a start's speed is from, where there are so many. */
export const startRequests = 10;
/** Later idle requests below which nothing is said of how the start went on. */
const leastLater = 5;

/** The starts behind captures; those without a request that was alone, or whose model has no prices, are left out. */
export function captureStarts(
  captures: readonly ScenarioCapture[],
  modelOf: (capture: ScenarioCapture) => LatencyModel | undefined,
): CaptureStart[] {
  return captures.flatMap((capture): CaptureStart[] => {
    const model = modelOf(capture);
    const first = model && startSpeed(capture.trace, model, { requests: startRequests });
    if (!first) return [];
    const later = startSpeed(capture.trace, model, {
      skip: startRequests,
      requests: Number.POSITIVE_INFINITY,
    });
    return [{ capture, first, ...(later && later.requests >= leastLater && { later }) }];
  });
}

/**
 * The part of a start's first speed that is expected to last: its factors to the power of the share that lasted in the
 * other starts, {@link lastingShares}. Nothing of the start's own later requests goes into it.
 */
export function lastingSpeed(start: CaptureStart, starts: readonly CaptureStart[]): PriceFactors {
  const share = lastingShares(starts.filter((other) => other !== start));
  return { prefill: start.first.prefill ** share.prefill, decode: start.first.decode ** share.decode };
}

/**
 * The share of a first speed's logarithm that is found in the later one: least squares through 0 over these starts, within
 * 0 and 1; 1 where none of them tells.
 */
export function lastingShares(starts: readonly CaptureStart[]): PriceFactors {
  const shareOf = (name: keyof PriceFactors): number => {
    let product = 0;
    let square = 0;
    for (const { first, later } of starts) {
      if (!later) continue;
      const x = Math.log(first[name]);
      product += x * Math.log(later[name]);
      square += x * x;
    }
    return square === 0 ? 1 : Math.min(1, Math.max(0, product / square));
  };
  return { prefill: shareOf("prefill"), decode: shareOf("decode") };
}
