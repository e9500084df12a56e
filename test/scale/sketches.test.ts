import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { DistinctCounter, QuantileSketch } from "../../lib/scale/index.js";

describe("DistinctCounter", () => {
  it("counts from a few to a million hashes within 2 %, also when hashes are running numbers", () => {
    for (const n of [0, 1, 50, 5_000, 70_000, 1_000_000]) {
      const random = stream(n, "hashes");
      const drawn = new DistinctCounter();
      const running = new DistinctCounter();
      for (let i = 0; i < n; i++) {
        drawn.add(random.integer(2 ** 32), random.integer(2 ** 32));
        running.add(0, i);
      }
      expect(Math.abs(drawn.estimate() - n)).toBeLessThanOrEqual(0.02 * n);
      expect(Math.abs(running.estimate() - n)).toBeLessThanOrEqual(0.02 * n);
    }
  });

  it("counts a hash once however often it comes", () => {
    const counter = new DistinctCounter();
    for (let i = 0; i < 100_000; i++) counter.add(i % 100, 7);
    expect(counter.estimate()).toBe(100);
  });

  it("merges to the counter of the union", () => {
    const [whole, a, b] = [new DistinctCounter(), new DistinctCounter(), new DistinctCounter()];
    for (let i = 0; i < 50_000; i++) {
      whole.add(1, i);
      if (i < 30_000) a.add(1, i);
      if (i >= 20_000) b.add(1, i);
    }
    a.merge(b);
    expect(a.estimate()).toBe(whole.estimate());
  });
});

describe("QuantileSketch", () => {
  it("knows count, smallest and largest exactly and the median within 0.1 %", () => {
    const sketch = new QuantileSketch();
    for (let i = 1; i <= 9_999; i++) sketch.add(i);
    const range = sketch.range()!;
    expect(range).toMatchObject({ n: 9_999, min: 1, max: 9_999 });
    expect(Math.abs(range.p50 / 5_000 - 1)).toBeLessThanOrEqual(0.001);
  });

  it("has no range before anything was added", () => {
    expect(new QuantileSketch().range()).toBeUndefined();
  });
});
