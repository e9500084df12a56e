import { describe, expect, it } from "vitest";
import { cachePricesFromJson, planCosts, servedInTurn, timeToLiveCurve } from "../../lib/size/index.js";
import { capture } from "./workloads.js";

const plan = {
  name: "five minutes",
  ttl_s: 300,
  input_per_mtok: 2,
  cache_write_per_mtok: 2.5,
  cache_read_per_mtok: 0.2,
};

describe("planCosts", async () => {
  const served = servedInTurn(await capture());
  const curve = timeToLiveCurve(served);
  const costOf = (change: object) =>
    planCosts(
      served,
      curve,
      cachePricesFromJson({ currency: "USD", plans: [{ ...plan, ...change }] }).plans,
    )[0]!;

  it("reads what is found in time and writes the rest", () => {
    const { readShare, perRequest, perRequestWithout } = costOf({});
    const promptTokens = served.promptTokens / served.runs.count;
    expect(readShare).toBe(curve.share(300_000));
    expect(perRequest).toBeCloseTo((promptTokens * (readShare * 0.2 + (1 - readShare) * 2.5)) / 1e6, 15);
    expect(perRequestWithout).toBeCloseTo((promptTokens * 2) / 1e6, 15);
  });

  it("breaks even where the cached prompt costs what the plain one does", () => {
    const { breakEvenShare } = costOf({});
    expect(breakEvenShare * 0.2 + (1 - breakEvenShare) * 2.5).toBeCloseTo(2, 12);
    expect(costOf({ cache_write_per_mtok: 2 }).breakEvenShare).toBe(0);
    expect(costOf({ cache_read_per_mtok: 3 }).breakEvenShare).toBe(Number.POSITIVE_INFINITY);
  });

  it("reads more under a plan that keeps longer", () => {
    expect(costOf({ ttl_s: 0.5 }).readShare).toBeLessThan(costOf({ ttl_s: 60 }).readShare);
    expect(costOf({ ttl_s: undefined }).readShare).toBe(curve.share(Number.POSITIVE_INFINITY));
  });
});

describe("cachePricesFromJson", () => {
  it.each([
    [[], /prices must be an object/],
    [{ plans: [plan] }, /currency/],
    [{ currency: "USD", plans: [] }, /at least one plan/],
    [{ currency: "USD", plans: [7] }, /plan 1 must be an object/],
    [
      { currency: "USD", plans: [{ ...plan, cache_read_per_mtok: "0.1" }] },
      /cache_read_per_mtok of "five minutes"/,
    ],
    [{ currency: "USD", plans: [{ ...plan, input_per_mtok: -1 }] }, /input_per_mtok/],
    [{ currency: "USD", plans: [{ ...plan, ttl_s: 0 }] }, /ttl_s/],
  ])("refuses %j", (json, message) => {
    expect(() => cachePricesFromJson(json)).toThrow(message);
  });
});
