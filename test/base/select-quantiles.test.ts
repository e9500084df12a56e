import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantileSorted, selectQuantiles, sortedCopy } from "../../lib/base/index.js";

describe("selectQuantiles", () => {
  it("gives what sorting gives, on any values and quantiles, ties and infinities included", () => {
    // Adding 0 makes -0 a 0: they are one number, whose two spellings no order tells apart.
    const value = fc
      .oneof(
        fc.double({ noNaN: true }),
        fc.integer({ min: -3, max: 3 }),
        fc.constantFrom(0, Number.POSITIVE_INFINITY),
      )
      .map((x) => x + 0);
    const p = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.99, 1));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 300 }), fc.array(p, { maxLength: 5 }), (values, ps) => {
        const ascendingPs = sortedCopy(ps);
        const ascending = sortedCopy(values);
        const expected = Array.from(ascendingPs, (q) => quantileSorted(ascending, q));
        const given = Float64Array.from(values);
        expect(selectQuantiles(given, [...ascendingPs])).toEqual(expected);
        expect(given.sort()).toEqual(ascending);
      }),
      { numRuns: 2_000 },
    );
  });

  it("stays linear on values that are sorted, reversed or all alike", () => {
    const n = 200_000;
    for (const of of [(i: number) => i, (i: number) => n - i, () => 1, (i: number) => Math.min(i, n - i)]) {
      const values = Float64Array.from({ length: n }, (_, i) => of(i));
      const expected = quantileSorted(sortedCopy(values), 0.99);
      let reads = 0;
      const counted = new Proxy(values, {
        get(target, key) {
          reads++;
          return Reflect.get(target, key, target);
        },
        set: (target, key, value) => Reflect.set(target, key, value, target),
      });
      expect(selectQuantiles(counted, [0.99])).toEqual([expected]);
      expect(reads).toBeLessThan(40 * n);
    }
  });

  it("refuses a quantile outside [0, 1], and knows none of nothing", () => {
    expect(() => selectQuantiles(new Float64Array(3), [1.5])).toThrow(/p must be/);
    expect(selectQuantiles(new Float64Array(0), [0.5])).toEqual([undefined]);
  });
});
