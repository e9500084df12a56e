import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IndexedHeap } from "../../lib/base/index.js";

describe("an indexed heap", () => {
  it("has the same first item as a sorted list, whatever is added and taken out", () => {
    const step = fc.record({ item: fc.nat(200), first: fc.nat(3), second: fc.nat(5), removes: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const heap = new IndexedHeap();
        const items = new Map<number, readonly [number, number]>();
        for (const { item, first, second, removes } of steps) {
          if (removes) {
            heap.remove(item);
            items.delete(item);
          } else if (!items.has(item)) {
            heap.add(item, first, second);
            items.set(item, [first, second]);
          }
          expect(heap.length).toBe(items.size);
          expect(heap.has(item)).toBe(items.has(item));
          if (items.size === 0) {
            expect(heap.first).toBe(-1);
            continue;
          }
          const keys = [...items.values()].sort(([a, b], [c, d]) => a - c || b - d);
          expect(items.get(heap.first)).toEqual(keys[0]);
        }
      }),
    );
  });
});
