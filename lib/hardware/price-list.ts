import { asObject, InputError, requireFinite, type Tokens } from "../base/index.js";

/** What a provider asks for a million tokens, in one currency. */
export interface PriceList {
  readonly currency: string;
  /** Prompt tokens that were computed. */
  readonly input: number;
  /** Prompt tokens that were found in the cache. */
  readonly cachedRead: number;
  /** Prompt tokens that were computed and kept for five minutes, or for an hour; undefined where keeping costs nothing more. */
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  /** Where the prices stand, and when they were read there. */
  readonly source?: string;
  readonly asOf?: string;
}

/** By their names in a price file. */
const rows = {
  input: "input",
  cached_read: "cachedRead",
  cache_write_5m: "cacheWrite5m",
  cache_write_1h: "cacheWrite1h",
} as const;
const needed: readonly string[] = ["input", "cached_read"];
const places: readonly string[] = [...Object.keys(rows), "output"];

/**
 * Reads a price list: `{"currency": "USD", "per_million_tokens": {"input": 3, "cached_read": 0.3, "cache_write_5m": 3.75,
 * "cache_write_1h": 6}, "source": "https://...", "as_of": "2026-01-31"}`, the rows as providers publish them; the writes, the
 * source and its date may be left out, `output` is not read.
 * @throws InputError naming the row that is missing, unknown or no price
 * @example
 * ```ts
 * import { priceListFromJson } from "prefixlab/hardware";
 * priceListFromJson({ currency: "USD", per_million_tokens: { input: 3, cached_read: 0.3 } });
 * // → { currency: "USD", input: 3, cachedRead: 0.3 }
 * ```
 */
export function priceListFromJson(json: unknown): PriceList {
  const { currency, per_million_tokens: prices, source, as_of: asOf } = asObject(json) ?? {};
  const given = asObject(prices);
  if (typeof currency !== "string" || currency === "" || !given)
    throw new InputError(
      'priceListFromJson: expected {"currency": "USD", "per_million_tokens": {"input": 3, "cached_read": 0.3}}',
    );
  const unknown = Object.keys(given).find((name) => !places.includes(name));
  if (unknown !== undefined)
    throw new InputError(
      `priceListFromJson: per_million_tokens has no row "${unknown}": expected ${places.join(", ")}`,
    );
  const list = Object.fromEntries(
    Object.entries(rows)
      .filter(([name]) => given[name] !== undefined || needed.includes(name))
      .map(([name, key]) => [key, requireFinite("priceListFromJson", name, given[name], 0)]),
  ) as unknown as Pick<PriceList, "input" | "cachedRead">;
  return {
    currency,
    ...list,
    ...(typeof source === "string" && { source }),
    ...(typeof asOf === "string" && { asOf }),
  };
}

/**
 * What so many prompt tokens cost more when they are computed than when they are found: as tokens that are also kept for
 * five minutes where the list has a price for that, else as input.
 * @example
 * ```ts
 * import { missPrice } from "prefixlab/hardware";
 * missPrice({ currency: "USD", input: 3, cachedRead: 0.5 }, 2_000_000); // → 5
 * ```
 */
export function missPrice({ input, cacheWrite5m = input, cachedRead }: PriceList, tokens: Tokens): number {
  return (tokens * (cacheWrite5m - cachedRead)) / 1e6;
}
