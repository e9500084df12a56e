import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderAgreement } from "../../lib/judge/index.js";

describe("how two sequences agree", () => {
  it.each([
    [[], [], { both: 0, inOrder: 0 }],
    [[1, 2, 3], [1, 2, 3], { both: 3, inOrder: 3 }],
    [[1, 2, 3], [3, 2, 1], { both: 3, inOrder: 1 }],
    [[1, 2, 3, 4], [2, 3, 9, 1], { both: 3, inOrder: 2 }],
    [[1, 1, 1], [1, 1], { both: 2, inOrder: 2 }],
    [[5, 6], [7, 8], { both: 0, inOrder: 0 }],
  ])("%j and %j", (a, b, expected) => {
    expect(orderAgreement(a, b)).toEqual({ a: a.length, b: b.length, ...expected });
  });

  it("of any two: the common names are those of the multisets, and what is left out of one keeps the rest in order", () => {
    const names = fc.array(fc.nat(8), { maxLength: 30 });
    fc.assert(
      fc.property(names, names, (a, b) => {
        const { both, inOrder } = orderAgreement(a, b);
        const times = (list: number[], name: number) => list.filter((each) => each === name).length;
        const common = [...new Set(a)].reduce(
          (sum, name) => sum + Math.min(times(a, name), times(b, name)),
          0,
        );
        expect(both).toBe(common);
        expect(inOrder).toBeLessThanOrEqual(both);
        expect(inOrder > 0).toBe(both > 0);
      }),
    );
    fc.assert(
      fc.property(names, fc.infiniteStream(fc.boolean()), (a, keeps) => {
        const kept = a.map((name, i) => 100 * i + name).filter(() => keeps.next().value as boolean);
        const whole = a.map((name, i) => 100 * i + name);
        expect(orderAgreement(whole, kept)).toMatchObject({ both: kept.length, inOrder: kept.length });
      }),
    );
  });
});
