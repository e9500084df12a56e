import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentTable } from "../../lib/cache/content-table.js";

describe("ContentTable", () => {
  it("knows the block of each content that is held, and of no other, wherever ids lie and in whatever order they go", () => {
    // Near each other, and pages apart.
    const content = fc.oneof(fc.nat(40), fc.nat(3000), fc.nat(200_000));
    const change = fc.tuple(fc.constantFrom("add", "move", "remove"), content, fc.nat(1000));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), fc.nat(5000), (changes, expectedCount) => {
        const table = new ContentTable(expectedCount);
        const naive = new Map<number, number>();
        for (const [does, id, block] of changes) {
          if (does === "remove" && naive.delete(id)) table.remove(id);
          else if (does === "move" && naive.has(id)) {
            table.move(id, block);
            naive.set(id, block);
          } else if (!naive.has(id)) {
            table.add(id, block);
            naive.set(id, block);
          }
          for (const near of [id, id + 1, id ^ 256, id + 4096])
            expect(table.find(near)).toBe(naive.get(near) ?? -1);
        }
        for (const [id, block] of naive) expect(table.find(id)).toBe(block);
      }),
      { numRuns: 200 },
    );
  });

  it("takes the pages that are given back once more", () => {
    const table = new ContentTable();
    for (let id = 0; id < 3_000_000; id++) {
      table.add(id, id % 1000);
      if (id >= 1000) table.remove(id - 1000);
    }
    expect(table.find(2_999_999)).toBe(999);
    expect(table.find(2_998_999)).toBe(-1);
    // A thousand contents are on six pages of 256 at most; one page is nobody's.
    expect(table.pages).toBeLessThanOrEqual(7);
  });
});
