import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PanelPoint, placeLabels } from "../../lib/figure/place-labels.js";
import { placeLabelsByTryingAll } from "./place-labels-by-trying-all.js";

const panel = { width: 420, height: 320 };

/** A falling step curve around `x`, as survival curves are on logarithmic axes. */
function fall(x: number): PanelPoint[] {
  return [
    { x: 0, y: 5 },
    { x, y: 5 },
    { x, y: 160 },
    { x: x + 20, y: 160 },
    { x: x + 20, y: 320 },
  ];
}

describe("placeLabels", () => {
  it("puts each label beside its own curve and on none", () => {
    const curves = [fall(60), fall(340)];
    const forms = [{ width: 110, height: 45 }];
    const [on, off] = placeLabels(panel, curves, [
      { forms, curves: [0] },
      { forms, curves: [1] },
    ]);
    expect(on?.x).toBeGreaterThan(60);
    expect(on && on.x + on.width).toBeLessThan(340);
    expect(Math.abs((on?.x ?? 0) - 80)).toBeLessThan(Math.abs((off?.x ?? 0) - 80));
  });

  it("takes a narrower form where the first would cover a curve", () => {
    const curves = [fall(10), fall(170)];
    const forms = [
      { width: 200, height: 300 },
      { width: 100, height: 45 },
    ];
    expect(placeLabels(panel, curves, [{ forms, curves: [0] }])[0]?.form).toBe(1);
  });

  it("keeps labels inside the panel and apart from each other, wherever the curves fall", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 380 }), fc.integer({ min: 10, max: 380 }), (a, b) => {
        const forms = [
          { width: 150, height: 48 },
          { width: 90, height: 80 },
        ];
        const [one, two] = placeLabels(
          panel,
          [fall(a), fall(b)],
          [
            { forms, curves: [0] },
            { forms, curves: [1] },
          ],
        );
        if (!one || !two) throw new Error("two labels were asked for");
        for (const box of [one, two]) {
          expect(box.x).toBeGreaterThanOrEqual(0);
          expect(box.y + box.height).toBeLessThanOrEqual(panel.height);
          expect(box.x + box.width).toBeLessThanOrEqual(panel.width);
        }
        const apart =
          one.x + one.width < two.x ||
          two.x + two.width < one.x ||
          one.y + one.height < two.y ||
          two.y + two.height < one.y;
        expect(apart).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("finds the places that trying every one of them finds", () => {
    const small = { width: 160, height: 110 };
    const form = fc.record({
      width: fc.double({ min: 15, max: 90, noNaN: true }),
      height: fc.double({ min: 10, max: 50, noNaN: true }),
    });
    const point = fc.record({
      x: fc.double({ min: -20, max: 180, noNaN: true }),
      y: fc.double({ min: -20, max: 130, noNaN: true }),
    });
    const label = fc.record({
      forms: fc.array(form, { minLength: 1, maxLength: 3 }),
      curves: fc.subarray([0, 1, 2]),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(point, { minLength: 1, maxLength: 8 }), { minLength: 3, maxLength: 3 }),
        fc.array(label, { minLength: 1, maxLength: 3 }),
        fc.array(point, { maxLength: 60 }),
        (curves, labels, areas) => {
          expect(placeLabels(small, curves, labels, areas)).toEqual(
            placeLabelsByTryingAll(small, curves, labels, areas),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
});
