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

  it("is unbiased over its whole range, for drawn hashes, running numbers and FNV fingerprints", () => {
    const registers = 1 << 16;
    const rounds = 8;
    for (const n of [1, 2, 2.45, 2.52, 3, 4, 5, 8].map((perRegister) =>
      Math.round(perRegister * registers),
    )) {
      const sums = { drawn: 0, running: 0, fnv: 0 };
      for (let round = 0; round < rounds; round++) {
        const random = stream(round, "hashes");
        const [drawn, running, fnv] = [new DistinctCounter(), new DistinctCounter(), new DistinctCounter()];
        const fingerprints = new Fnv();
        for (let i = 0; i < n; i++) {
          drawn.add(random.integer(2 ** 32), random.integer(2 ** 32));
          running.add(round, i);
          fingerprints.of(round, i);
          fnv.add(fingerprints.high, fingerprints.low);
        }
        sums.drawn += drawn.estimate();
        sums.running += running.estimate();
        sums.fnv += fnv.estimate();
      }
      // The mean of 8 estimates has a standard error of 0.14 %.
      for (const sum of Object.values(sums)) expect(Math.abs(sum / rounds / n - 1)).toBeLessThan(0.006);
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

/** FNV-1a of two 32-bit numbers, as halves of its 64 bits. */
class Fnv {
  high = 0;
  low = 0;

  of(a: number, b: number): void {
    let [high, low] = [0xcbf29ce4, 0x84222325];
    for (const word of [a, b])
      for (let shift = 0; shift < 32; shift += 8) {
        low = (low ^ ((word >>> shift) & 255)) >>> 0;
        // The prime is 2^40 + 0x1b3.
        const carry = Math.floor((low * 0x1b3) / 2 ** 32);
        high = (Math.imul(high, 0x1b3) + carry + (low << 8)) >>> 0;
        low = Math.imul(low, 0x1b3) >>> 0;
      }
    this.high = high;
    this.low = low;
  }
}
