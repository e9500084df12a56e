import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { byTime } from "../../lib/sessions/by-time.js";

describe("requests by a time", () => {
  const spreads: readonly (readonly [string, (k: number, uniform: () => number) => number])[] = [
    ["in order but for a little", (k, uniform) => 10 * k + 500 * uniform()],
    ["a few times, shared by many", (_, uniform) => Math.floor(4 * uniform())],
    ["one time", () => 7],
    ["some before zero", (_, uniform) => 100 * uniform() - 50],
    ["most at once, one far behind", (k, uniform) => (k === 3 ? 1e12 : uniform())],
    ["closer than a stretch can be", (k) => (k % 2) * Number.MIN_VALUE],
  ];
  it.each(spreads)("are what a stable sort makes of them: %s", (name, timeOf) => {
    const random = stream(1, name);
    for (const count of [0, 1, 2, 40, 1000]) {
      const timeMs = Float64Array.from({ length: count + 3 }, (_, k) => timeOf(k, () => random.uniform()));
      const requests = Int32Array.from({ length: count }, (_, k) => k + 3);
      const sorted = Array.from(requests).sort((a, b) => timeMs[a]! - timeMs[b]!);
      expect(Array.from(byTime(requests, timeMs))).toEqual(sorted);
    }
  });
});
