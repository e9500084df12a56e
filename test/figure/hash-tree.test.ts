import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashTree } from "../../lib/figure/hash-tree.js";

const chain = (name: string, ...blockIds: number[]) => ({ name, blockIds });

describe("hashTree", () => {
  it("merges what prompts share, forks where they part, and ends where one ends", () => {
    const segments = hashTree([chain("a1", 1, 2, 3), chain("a2", 1, 2, 3, 4, 5), chain("b1", 1, 2, 9)]);
    expect(
      segments.map(({ from, to, row, chains, endings }) => ({ from, to, row, chains, endings })),
    ).toEqual([
      { from: 0, to: 2, row: 0, chains: [0, 1, 2], endings: [] },
      { from: 2, to: 3, row: 0, chains: [0, 1], endings: ["a1"] },
      { from: 3, to: 5, row: 0, chains: [1], endings: ["a2"] },
      { from: 2, to: 3, row: 1, chains: [2], endings: ["b1"] },
    ]);
  });

  it("gives prompts that share nothing a root each", () => {
    expect(hashTree([chain("a", 1), chain("b", 2)]).map(({ parentRow }) => parentRow)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("covers every block of every chain exactly once, and ends every chain once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 }), {
          minLength: 1,
          maxLength: 8,
        }),
        (lists) => {
          // Chained ids: equal ids mean equal prefixes.
          const ids = new Map<string, number>();
          const chains = lists.map((list, at) => ({
            name: String(at),
            blockIds: list.map((_, i) => {
              const prefix = list.slice(0, i + 1).join();
              if (!ids.has(prefix)) ids.set(prefix, ids.size);
              return ids.get(prefix) as number;
            }),
          }));
          const segments = hashTree(chains);
          chains.forEach(({ name, blockIds }, at) => {
            const own = segments.filter((segment) => segment.chains.includes(at));
            expect(own.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(blockIds.length);
            expect(segments.filter(({ endings }) => endings.includes(name))).toHaveLength(1);
          });
          expect(segments.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(ids.size);
        },
      ),
    );
  });
});
