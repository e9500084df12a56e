import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { collectDonors, type DonorSample } from "../../lib/latency/donor-bins.js";
import { DonorSampler } from "../../lib/latency/donor-sampler.js";
import { noiseAxes } from "../../lib/latency/step-classes.js";

/** Runs of 50: each is slow (2) or fast (1) throughout. */
function slowAndFastRuns(): DonorSample[] {
  return Array.from({ length: 4000 }, (_, i) => ({
    row: 0,
    column: 1,
    value: Math.floor(i / 50) % 2 === 0 ? 1 : 2,
    run: Math.floor(i / 50),
  }));
}

describe("DonorSampler", () => {
  const bins = collectDonors(slowAndFastRuns(), noiseAxes);
  const draws = (seed: number, n: number) => {
    const sampler = new DonorSampler(bins, noiseAxes, stream(seed, "test"));
    return Array.from({ length: n }, () => sampler.next(0, 1));
  };

  it("keeps runs together: a slow spell stays slow, and stretches are as long as the runs", () => {
    const values = draws(1, 20_000);
    const changes = values.filter((value, i) => i > 0 && value !== values[i - 1]).length;
    // Independent draws would change every other time; a stretch of 50 changes at half of its ends.
    expect(changes).toBeGreaterThan(20_000 / 50 / 4);
    expect(changes).toBeLessThan(20_000 / 50);
  });

  it("draws each value as often as it was observed", () => {
    const values = draws(2, 100_000);
    const slow = values.filter((value) => value === 2).length / values.length;
    // 2,000 stretches: a share of a half has a standard error of 0.011.
    expect(Math.abs(slow - 0.5)).toBeLessThan(0.05);
  });

  it("draws 1 when there are no donors", () => {
    expect(new DonorSampler([], noiseAxes, stream(1, "x")).next(3, 4)).toBe(1);
  });

  it("draws from the nearest kind of step, and for a prefill from prefills however far", () => {
    const mixed = collectDonors(
      [
        ...Array.from({ length: 50 }, (_, i) => ({ row: 0, column: 1, value: 5, run: i })),
        ...Array.from({ length: 50 }, (_, i) => ({ row: 0, column: 8, value: 7, run: i })),
        ...Array.from({ length: 50 }, (_, i) => ({ row: 4, column: 0, value: 9, run: i })),
      ],
      noiseAxes,
    );
    const sampler = new DonorSampler(mixed, noiseAxes, stream(1, "x"));
    expect(sampler.next(0, 3)).toBe(5);
    expect(sampler.next(0, 6)).toBe(7);
    expect(sampler.next(1, 8)).toBe(9);
  });
});

describe("collectDonors", () => {
  it("leaves out a bin of few values where another can stand in, and keeps it where none can", () => {
    const samples = [
      ...Array.from({ length: 100 }, (_, i) => ({ row: 0, column: 1, value: 1, run: i })),
      { row: 0, column: 2, value: 1, run: 0 },
      { row: 3, column: 2, value: 1, run: 0 },
    ];
    const kinds = collectDonors(samples, noiseAxes).map(({ row, column }) => [row, column]);
    expect(kinds).toEqual([
      [0, 1],
      [3, 2],
    ]);
  });

  it("makes one bin of few values where none can stand in, so that no lone stray speaks for a kind of step", () => {
    const samples = [
      ...Array.from({ length: 100 }, (_, i) => ({ row: 0, column: 1, value: 5, run: i })),
      ...[0.9, 1, 1.1].map((value, i) => ({ row: 2, column: 1, value, run: 200 + i })),
      ...[1, 1, 0.9, 1.1, 1, 1].map((value, i) => ({ row: 2, column: 2, value, run: 300 + i })),
      { row: 3, column: 1, value: 1.05, run: 400 },
      { row: 3, column: 1, value: 0.12, run: 401, isStray: true },
    ];
    const bins = collectDonors(samples, noiseAxes);
    expect(bins.map(({ row, column, values }) => [row, column, values.length])).toEqual([
      [0, 1, 100],
      [2, 2, 10],
    ]);
    const sampler = new DonorSampler(bins, noiseAxes, stream(7, "few"));
    const draws = Array.from({ length: 1000 }, () => sampler.next(4, 0)).sort((a, b) => a - b);
    expect(draws[500]).toBe(1);
    expect(draws[0]).toBe(0.9);
  });

  it("keeps at most about 4,000 values of a kind, in whole runs", () => {
    const samples = Array.from({ length: 50_000 }, (_, i) => ({
      row: 0,
      column: 1,
      value: 1 + (i % 7),
      run: Math.floor(i / 20),
    }));
    const [bin] = collectDonors(samples, noiseAxes);
    expect(bin!.values.length).toBeLessThanOrEqual(4100);
    expect(bin!.values.length).toBe(20 * bin!.runStarts.length);
  });
});
