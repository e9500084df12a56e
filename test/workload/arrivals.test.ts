import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  burstArrivals,
  constantArrivals,
  doublingStairs,
  poissonArrivals,
  staircaseArrivals,
} from "../../lib/workload/index.js";

describe("poissonArrivals", () => {
  it("has exponential gaps of mean 1/rate: mean and mean square agree within five standard errors", () => {
    const n = 20_000;
    const ratePerSecond = 4;
    const arrivals = poissonArrivals({ ratePerSecond, count: n, seed: 7 });
    const gaps = Array.from(arrivals, (atMs, i) => atMs - (i === 0 ? 0 : arrivals[i - 1]!));
    const mean = gaps.reduce((a, b) => a + b, 0) / n;
    const meanSquare = gaps.reduce((a, b) => a + b * b, 0) / n;
    // Exponential of mean m: standard deviation m; the square has mean 2 m^2 and standard deviation sqrt(20) m^2.
    expect(Math.abs(mean - 250)).toBeLessThan((5 * 250) / Math.sqrt(n));
    expect(Math.abs(meanSquare - 2 * 250 ** 2)).toBeLessThan((5 * Math.sqrt(20) * 250 ** 2) / Math.sqrt(n));
  });

  it("is ascending, ends before the duration and at the count, and a longer run only adds arrivals", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        fc.nat(40),
        (seed, rate, count) => {
          const all = poissonArrivals({ ratePerSecond: rate, durationMs: 2_000, seed });
          const some = poissonArrivals({ ratePerSecond: rate, durationMs: 2_000, count, seed });
          expect([...some]).toEqual([...all.subarray(0, count)]);
          expect(all.every((atMs, i) => atMs >= (all[i - 1] ?? 0) && atMs < 2_000)).toBe(true);
        },
      ),
    );
  });

  it("refuses a rate of zero and a run without end", () => {
    expect(() => poissonArrivals({ ratePerSecond: 0, count: 1, seed: 1 })).toThrow(
      "poissonArrivals: ratePerSecond must be a positive number, got 0",
    );
    expect(() => poissonArrivals({ ratePerSecond: 1, seed: 1 })).toThrow(/would never end/);
  });
});

describe("constantArrivals", () => {
  it("is evenly spaced from 0", () => {
    expect([...constantArrivals({ ratePerSecond: 4, durationMs: 1_000 })]).toEqual([0, 250, 500, 750]);
  });

  it("does not drift: the hundred-thousandth arrival is exact", () => {
    const arrivals = constantArrivals({ ratePerSecond: 3, count: 100_001 });
    expect(arrivals[100_000]).toBe(100_000 * (1000 / 3));
  });
});

describe("staircaseArrivals", () => {
  it("climbs: each stair of the duration has about its rate, and a stair added at the end moves no earlier arrival", () => {
    const options = { durationMs: 200_000, seed: 3 };
    const two = staircaseArrivals({ ...options, ratesPerSecond: [5, 20] });
    const onStair = (from: number, to: number) => two.filter((atMs) => atMs >= from && atMs < to).length;
    for (const [count, mean] of [
      [onStair(0, 100_000), 500],
      [onStair(100_000, 200_000), 2_000],
    ] as const)
      expect(Math.abs(count - mean)).toBeLessThan(5 * Math.sqrt(mean));
    const three = staircaseArrivals({ durationMs: 300_000, seed: 3, ratesPerSecond: [5, 20, 40] });
    expect([...three.subarray(0, two.length)]).toEqual([...two]);
  });
});

describe("burstArrivals", () => {
  it("sends whole bursts at each interval, cut off by the count", () => {
    const spans = { burstSize: 3, burstIntervalMs: 100 };
    expect([...burstArrivals({ ...spans, durationMs: 250 })]).toEqual([
      0, 0, 0, 100, 100, 100, 200, 200, 200,
    ]);
    expect([...burstArrivals({ ...spans, count: 4 })]).toEqual([0, 0, 0, 100]);
  });

  it("begins no burst at the end of the duration, whatever the interval", () => {
    const burstsIn = (intervals: number, burstIntervalMs: number) =>
      burstArrivals({ burstSize: 1, burstIntervalMs, durationMs: intervals * burstIntervalMs }).length;
    expect([...burstArrivals({ burstSize: 1, burstIntervalMs: 46_500, durationMs: 93_000 })]).toEqual([
      0, 46_500,
    ]);
    for (let ms = 1; ms <= 100_000; ms += 7) expect(burstsIn(2, ms), `every ${ms} ms`).toBe(2);
  });
});

describe("doublingStairs", () => {
  it("doubles up to the peak and ends on it", () => {
    expect(doublingStairs(16)).toEqual([1, 2, 4, 8, 16]);
    expect(doublingStairs(6)).toEqual([1, 2, 4, 6]);
    expect(doublingStairs(1)).toEqual([1]);
  });
});
