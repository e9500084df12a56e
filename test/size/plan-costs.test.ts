import { describe, expect, it } from "vitest";
import type { PriceList } from "../../lib/hardware/index.js";
import { planCosts, servedInTurn, timeToLiveCurve } from "../../lib/size/index.js";
import { capture } from "./workloads.js";

const prices: PriceList = { currency: "USD", input: 2, cachedRead: 0.2, cacheWrite5m: 2.5, cacheWrite1h: 4 };

describe("planCosts", async () => {
  const served = servedInTurn(await capture());
  const curve = timeToLiveCurve(served);
  const costs = (change: Partial<PriceList> = {}, ttlMs: readonly number[] = []) =>
    planCosts(served, curve, { ...prices, ...change }, ttlMs);

  it("reads what is found in time and writes the rest, for five minutes and for an hour", () => {
    const promptTokens = served.promptTokens / served.runs.count;
    const [short, long] = costs();
    expect([short!.timeToLiveMs, long!.timeToLiveMs]).toEqual([300_000, 3_600_000]);
    expect(short!.readShare).toBe(curve.share(300_000));
    const { readShare } = short!;
    expect(short!.perRequest).toBeCloseTo(
      (promptTokens * (readShare * 0.2 + (1 - readShare) * 2.5)) / 1e6,
      15,
    );
    expect(short!.perRequestWithout).toBeCloseTo((promptTokens * 2) / 1e6, 15);
  });

  it("breaks even where the cached prompt costs what the plain one does", () => {
    const [{ breakEvenShare } = { breakEvenShare: 0 }] = costs();
    expect(breakEvenShare * 0.2 + (1 - breakEvenShare) * 2.5).toBeCloseTo(2, 12);
    expect(costs({ cacheWrite5m: 2 })[0]!.breakEvenShare).toBe(0);
    expect(costs({ cachedRead: 3 })[0]!.breakEvenShare).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes the times given where keeping costs nothing more, and reads more the longer they are", () => {
    const { cacheWrite5m: _, cacheWrite1h: __, ...plain } = prices;
    const [short, long] = planCosts(served, curve, plain, [500, 60_000]);
    expect(short!.readShare).toBeLessThan(long!.readShare);
    expect([short!.writePrice, short!.breakEvenShare]).toEqual([2, 0]);
  });
});
