import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventHeap } from "../../lib/engine/event-heap.js";

describe("EventHeap", () => {
  it("gives what is next by key, of equals the one that entered first, in whatever order they enter", () => {
    // Few keys, for ties; and ascending stretches, which wait apart from the rest.
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 12 }) }),
      fc.record({ ascend: fc.integer({ min: 1, max: 90 }) }),
      fc.record({ pop: fc.integer({ min: 1, max: 120 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = new EventHeap();
        const naive: { key: number; value: number }[] = [];
        let value = 0;
        const push = (key: number) => {
          heap.push(key, value);
          const at = naive.findIndex((other) => other.key > key);
          naive.splice(at < 0 ? naive.length : at, 0, { key, value: value++ });
        };
        for (const one of steps) {
          if ("push" in one) push(one.push);
          else if ("ascend" in one)
            for (let k = 0; k < one.ascend; k++) push((naive[0]?.key ?? 0) + Math.floor(k / 3));
          else
            for (let k = 0; k < one.pop && naive.length > 0; k++)
              expect(heap.pop()).toBe(naive.shift()!.value);
          expect([heap.length, heap.nextKey]).toEqual([
            naive.length,
            naive[0]?.key ?? Number.POSITIVE_INFINITY,
          ]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
