import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KvTier } from "../../lib/cache/kv-tier.js";

describe("a tier behind the pool", () => {
  it("holds what a list of chunks in order of use holds, and conserves its room, whatever is done to it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.array(fc.tuple(fc.constantFrom("store", "use", "pin", "unpin"), fc.nat(9)), { maxLength: 80 }),
        (capacity, operations) => {
          const tier = new KvTier(capacity);
          let order: number[] = [];
          const pinned = new Set<number>();
          let evicted = 0;
          for (const [operation, chunk] of operations) {
            if (operation === "store" && !order.includes(chunk)) {
              const isFull = order.length === capacity;
              const victim = order.find((held) => !pinned.has(held));
              const fits = !isFull || victim !== undefined;
              expect(tier.store(chunk)).toBe(fits);
              if (!fits) continue;
              if (isFull) {
                order = order.filter((held) => held !== victim);
                evicted++;
              }
              order.push(chunk);
            } else if (operation === "use" && order.includes(chunk)) {
              tier.use(chunk);
              order = [...order.filter((held) => held !== chunk), chunk];
            } else if (operation === "pin" && order.includes(chunk) && !pinned.has(chunk)) {
              tier.pin(chunk);
              pinned.add(chunk);
            } else if (operation === "unpin" && pinned.delete(chunk)) tier.unpin(chunk);
            for (let id = 0; id < 10; id++) {
              expect(tier.has(id)).toBe(order.includes(id));
              expect(tier.isPinned(id)).toBe(pinned.has(id));
            }
            expect([tier.heldChunks, tier.pinnedChunks, tier.evictedChunks]).toEqual([
              order.length,
              pinned.size,
              evicted,
            ]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
