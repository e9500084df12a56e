import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile, quantileSorted, selectQuantiles, sortedCopy } from "../../lib/base/index.js";

describe("selectQuantiles", () => {
  // Adding 0 makes -0 a 0: they are one number, whose two spellings no order tells apart.
  const value = fc
    .oneof(
      fc.double({ noNaN: true }),
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(0, Number.POSITIVE_INFINITY),
    )
    .map((x) => x + 0);
  const p = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.99, 1));

  it("gives what sorting gives, on any values and quantiles, ties and infinities included", () => {
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

  it("gives what sorting gives of many values, in pieces of any length, which it leaves as they are", () => {
    const cut = fc.nat({ max: 20_000 });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(0, 1e-9, 0.01, 3),
        fc.array(cut, { maxLength: 5 }),
        fc.array(p, { maxLength: 5 }),
        (some, spread, cuts, ps) => {
          const values = Float64Array.from(
            { length: 20_000 },
            (_, i) => (some[i % some.length] as number) * (1 + spread * (i % 977)),
          );
          const ends = [0, ...cuts.sort((a, b) => a - b), values.length];
          const pieces = ends.slice(1).map((end, k) => values.subarray(ends[k], end));
          const ascending = sortedCopy(values);
          const before = values.slice();
          const ascendingPs = [...sortedCopy(ps)];
          const expected = ascendingPs.map((q) => (quantileSorted(ascending, q) as number) + 0);
          expect(selectQuantiles(pieces, ascendingPs).map((q) => (q as number) + 0)).toEqual(expected);
          expect(values.every((x, i) => Object.is(x, before[i]))).toBe(true);
        },
      ),
      { numRuns: 100 },
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

describe("quantile", () => {
  it("is that of the sorted values, where NaN comes last", () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 9 }),
      fc.double({ min: 0, noNaN: true }),
      fc.constant(Number.NaN),
    );
    fc.assert(
      fc.property(fc.array(value), fc.double({ min: 0, max: 1, noNaN: true }), (values, p) => {
        expect(quantile(values, p)).toEqual(quantileSorted(sortedCopy(values), p));
      }),
    );
  });
});
