import { describe, expect, it } from "vitest";
import { missPrice, priceListFromJson } from "../../lib/hardware/index.js";

const prices = (rows: object, currency: unknown = "USD") => ({ currency, per_million_tokens: rows });

describe("a price list", () => {
  it("has the rows of a file, and does not need the writes", () => {
    expect(
      priceListFromJson(
        prices({ input: 3, output: 15, cached_read: 0.3, cache_write_5m: 3.75, cache_write_1h: 6 }),
      ),
    ).toEqual({ currency: "USD", input: 3, cachedRead: 0.3, cacheWrite5m: 3.75, cacheWrite1h: 6 });
    expect(priceListFromJson(prices({ input: 2.5, cached_read: 1.25 }))).toEqual({
      currency: "USD",
      input: 2.5,
      cachedRead: 1.25,
    });
  });

  it("is refused where a row is missing, unknown or no price", () => {
    expect(() => priceListFromJson(prices({ input: 3 }))).toThrow(/cached_read must be/);
    expect(() => priceListFromJson(prices({ input: 3, cached_read: 0.3, reads: 1 }))).toThrow(
      /no row "reads"/,
    );
    expect(() => priceListFromJson(prices({ input: -3, cached_read: 0.3 }))).toThrow(/input must be/);
    expect(() => priceListFromJson(prices({ input: 3, cached_read: 0.3 }, 7))).toThrow(/expected/);
    expect(() => priceListFromJson([])).toThrow(/expected/);
  });

  it("counts a computed token as one that is kept, where keeping has a price of its own", () => {
    const kept = priceListFromJson(prices({ input: 3, cached_read: 0.3, cache_write_5m: 3.75 }));
    expect(missPrice(kept, 1e6)).toBeCloseTo(3.45, 12);
    const { cacheWrite5m: _write, ...plain } = kept;
    expect(missPrice(plain, 1e6)).toBeCloseTo(2.7, 12);
  });
});
