import type { Ms } from "../base/index.js";
import type { PriceList } from "../hardware/index.js";
import type { ServedInTurn } from "./served-in-turn.js";
import type { TimeToLiveCurve } from "./time-to-live-curve.js";

/** What a workload's prompts cost where a provider keeps them for a time. Money is in the currency of the prices. */
export interface PlanCost {
  /** How long what was used is kept. */
  readonly timeToLiveMs: Ms;
  /** Of a million tokens that are computed and kept. */
  readonly writePrice: number;
  /** Share of prompt tokens that are read from the cache in that time. */
  readonly readShare: number;
  /** Mean of a request with the cache, and without it. */
  readonly perRequest: number;
  readonly perRequestWithout: number;
  /** Share of prompt tokens that must be read for the cache to cost no more than none; above 1: it never pays. */
  readonly breakEvenShare: number;
}

/**
 * What a workload's prompts cost at a provider: tokens found in time are read, the others are computed and kept. Kept for
 * five minutes and for an hour where the list has prices for that, else at the price of input for each time given. Answers
 * cost the same with and without, and are left out. Prompts that a provider does not cache for being short, and how far
 * it looks back, are not modeled.
 * @param timesToLiveMs for a list that has no price for keeping
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { planCosts, servedInTurn, timeToLiveCurve } from "prefixlab/size";
 * const served = servedInTurn(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * const prices = { currency: "USD", input: 3, cachedRead: 0.3, cacheWrite5m: 3.75 };
 * planCosts(served, timeToLiveCurve(served), prices, [])[0].breakEvenShare; // → 0.2174
 * ```
 */
export function planCosts(
  { promptTokens, runs }: Pick<ServedInTurn, "promptTokens" | "runs">,
  curve: TimeToLiveCurve,
  { input, cachedRead, cacheWrite5m, cacheWrite1h }: PriceList,
  timesToLiveMs: readonly Ms[],
): PlanCost[] {
  const promptMtok = runs.count === 0 ? 0 : promptTokens / 1e6 / runs.count;
  const kept = [
    ...(cacheWrite5m === undefined ? [] : [{ timeToLiveMs: 300_000, writePrice: cacheWrite5m }]),
    ...(cacheWrite1h === undefined ? [] : [{ timeToLiveMs: 3_600_000, writePrice: cacheWrite1h }]),
  ];
  const plans =
    kept.length > 0 ? kept : timesToLiveMs.map((timeToLiveMs) => ({ timeToLiveMs, writePrice: input }));
  return plans.map(({ timeToLiveMs, writePrice }) => {
    const readShare = curve.share(timeToLiveMs);
    const surcharge = writePrice - input;
    const discount = writePrice - cachedRead;
    return {
      timeToLiveMs,
      writePrice,
      readShare,
      perRequest: promptMtok * (readShare * cachedRead + (1 - readShare) * writePrice),
      perRequestWithout: promptMtok * input,
      breakEvenShare: surcharge <= 0 ? 0 : discount <= 0 ? Number.POSITIVE_INFINITY : surcharge / discount,
    };
  });
}
