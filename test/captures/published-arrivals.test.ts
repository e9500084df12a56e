import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { publishedArrivalSeeds, publishedArrivals } from "../../lib/captures/index.js";

/** The generator behind Python's `random.Random(seed).random()`: MT19937, seeded by an array of one number. */
function pythonRandom(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = 19_650_218;
  for (let i = 1; i < 624; i++)
    state[i] = Math.imul(1_812_433_253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
  let at = 1;
  const next = () => {
    if (++at < 624) return;
    state[0] = state[623]!;
    at = 1;
  };
  const mixed = (factor: number) => state[at]! ^ Math.imul(state[at - 1]! ^ (state[at - 1]! >>> 30), factor);
  for (let k = 0; k < 624; k++) {
    state[at] = mixed(1_664_525) + seed;
    next();
  }
  for (let k = 0; k < 623; k++) {
    state[at] = mixed(1_566_083_941) - at;
    next();
  }
  state[0] = 0x80000000;
  let used = 624;
  const word = () => {
    if (used === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (state[i]! & 0x80000000) | (state[(i + 1) % 624]! & 0x7fffffff);
        state[i] = state[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      used = 0;
    }
    let y = state[used++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 2 ** 53;
}

describe("arrivals of the published figure", () => {
  it("are those that Python's generator gives, of every seed", async () => {
    const counts: Record<number, number> = {};
    for (const seed of await publishedArrivalSeeds()) {
      const random = pythonRandom(seed);
      const expected: number[] = [];
      const gapMs = () => -1000 * Math.log(1 - random());
      for (let atMs = 0; atMs < 120_000; atMs += gapMs()) expected.push(atMs);
      const arrivals = await publishedArrivals(seed);
      counts[seed] = arrivals.length;
      expect(arrivals.length).toBe(expected.length);
      arrivals.forEach((ms, i) => {
        expect(ms).toBeCloseTo(expected[i]!, 6);
      });
    }
    expect(counts).toEqual({ 0: 99, 1: 122, 2: 105, 3: 100 });
  });

  it("are refused for a seed without a schedule, with the seeds there are", async () => {
    await expect(publishedArrivals(7)).rejects.toThrow(InputError);
    await expect(publishedArrivals(7)).rejects.toThrow(/no schedule of seed 7, there is 0, 1, 2, 3/);
  });
});
