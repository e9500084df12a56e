import { describeValue, InputError, type Ms } from "../base/index.js";
import type { ServedInTurn } from "./served-in-turn.js";
import type { TimeToLiveCurve } from "./time-to-live-curve.js";

/** What a provider charges for a prompt's tokens, in a currency for a million of them. */
export interface CachePlan {
  readonly name: string;
  /** How long what was used is kept; infinite where none is told. */
  readonly timeToLiveMs: Ms;
  readonly inputPerMtok: number;
  readonly cacheWritePerMtok: number;
  readonly cacheReadPerMtok: number;
  /** Where the prices stand, and when they were read there. */
  readonly source?: string;
  readonly asOf?: string;
}

/** A table of prices. */
export interface CachePrices {
  readonly currency: string;
  readonly plans: readonly CachePlan[];
}

/** What a workload's prompts cost under a plan, in its currency. */
export interface PlanCost {
  readonly plan: CachePlan;
  /** Share of prompt tokens that are read from the cache within its time to live. */
  readonly readShare: number;
  /** Mean of a request with the cache, and without it. */
  readonly perRequest: number;
  readonly perRequestWithout: number;
  /** Share of prompt tokens that must be read for the cache to cost no more than none; above 1: it never pays. */
  readonly breakEvenShare: number;
}

/**
 * Reads a table of prices: `{"currency": "USD", "plans": [{"name", "ttl_s", "input_per_mtok", "cache_write_per_mtok",
 * "cache_read_per_mtok", "source", "as_of"}]}`. A plan without `ttl_s` keeps what was used for good.
 * @throws InputError naming the plan and the field that is missing or wrong
 * @example
 * ```ts
 * import { cachePricesFromJson } from "prefixlab/size";
 * const plan = { name: "a", ttl_s: 300, input_per_mtok: 2, cache_write_per_mtok: 2.5, cache_read_per_mtok: 0.2 };
 * cachePricesFromJson({ currency: "USD", plans: [plan] }).plans[0].timeToLiveMs; // → 300000
 * ```
 */
export function cachePricesFromJson(json: unknown): CachePrices {
  const table = objectOf(json, "prices");
  const { currency, plans } = table;
  if (typeof currency !== "string" || currency === "")
    throw new InputError(`prices: currency must be a word such as "USD", got ${describeValue(currency)}`);
  if (!Array.isArray(plans) || plans.length === 0)
    throw new InputError(`prices: plans must be a list with at least one plan, got ${describeValue(plans)}`);
  return {
    currency,
    plans: plans.map((given, at) => {
      const plan = objectOf(given, `prices: plan ${at + 1}`);
      const name = typeof plan.name === "string" && plan.name !== "" ? plan.name : `plan ${at + 1}`;
      const amount = (key: string) => {
        const value = plan[key];
        if (typeof value === "number" && value >= 0 && Number.isFinite(value)) return value;
        throw new InputError(
          `prices: ${key} of "${name}" must be a number of ${currency} for a million tokens, at least 0, got ${describeValue(value)}`,
        );
      };
      const seconds = plan.ttl_s;
      if (seconds !== undefined && !(typeof seconds === "number" && seconds > 0))
        throw new InputError(
          `prices: ttl_s of "${name}" must be seconds above 0, got ${describeValue(seconds)}`,
        );
      return {
        name,
        timeToLiveMs: seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1000,
        inputPerMtok: amount("input_per_mtok"),
        cacheWritePerMtok: amount("cache_write_per_mtok"),
        cacheReadPerMtok: amount("cache_read_per_mtok"),
        ...(typeof plan.source === "string" && { source: plan.source }),
        ...(typeof plan.as_of === "string" && { asOf: plan.as_of }),
      };
    }),
  };
}

/**
 * What a workload's prompts cost under each plan: tokens found within the plan's time to live are read, the others written.
 * Answers cost the same with and without, and are left out. Prompts that a provider does not cache for being short, and
 * the most that it looks back, are not modeled.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { planCosts, servedInTurn, timeToLiveCurve } from "prefixlab/size";
 * const served = servedInTurn(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * const plan = { name: "a", timeToLiveMs: 300_000, inputPerMtok: 2, cacheWritePerMtok: 2.5, cacheReadPerMtok: 0.2 };
 * planCosts(served, timeToLiveCurve(served), [plan])[0].breakEvenShare; // → 0.2174
 * ```
 */
export function planCosts(
  { promptTokens, runs }: Pick<ServedInTurn, "promptTokens" | "runs">,
  curve: TimeToLiveCurve,
  plans: readonly CachePlan[],
): PlanCost[] {
  const promptMtok = runs.count === 0 ? 0 : promptTokens / 1e6 / runs.count;
  return plans.map((plan) => {
    const { inputPerMtok, cacheWritePerMtok, cacheReadPerMtok } = plan;
    const readShare = curve.share(plan.timeToLiveMs);
    const surcharge = cacheWritePerMtok - inputPerMtok;
    const discount = cacheWritePerMtok - cacheReadPerMtok;
    return {
      plan,
      readShare,
      perRequest: promptMtok * (readShare * cacheReadPerMtok + (1 - readShare) * cacheWritePerMtok),
      perRequestWithout: promptMtok * inputPerMtok,
      breakEvenShare: surcharge <= 0 ? 0 : discount <= 0 ? Number.POSITIVE_INFINITY : surcharge / discount,
    };
  });
}

function objectOf(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (value !== null && typeof value === "object" && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new InputError(`${where} must be an object, got ${describeValue(value)}`);
}
