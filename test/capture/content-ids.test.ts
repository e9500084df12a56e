import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentIds } from "../../lib/capture/serve/content-ids.js";

const BLOCK = 4;

describe("content ids", () => {
  it("are equal exactly for blocks that are equal up to their end, while ids are used again", () => {
    const step = fc.record({
      tokens: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 16 }),
      release: fc.boolean(),
      pool: fc.constantFrom("takes", "loses", "neither"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 100 }), (steps) => {
        const pooled = new Map<number, string>();
        const ids = new ContentIds({ blockSize: BLOCK, poolBlocks: 1, isPooled: (id) => pooled.has(id) });
        const held: { prefixes: string[]; ids: Int32Array; release(): void }[] = [];
        for (const { tokens, release, pool } of steps) {
          const content = ids.hold(Int32Array.from(tokens));
          const prefixes = Array.from(content.ids, (_, i) => tokens.slice(0, (i + 1) * BLOCK).join());
          held.push({ ...content, prefixes });
          // What anybody holds, requests or pool, has one id a content and one content an id.
          const contentOf = new Map(pooled);
          for (const entry of held) {
            for (const [i, id] of entry.ids.entries()) {
              expect(contentOf.get(id) ?? entry.prefixes[i]).toBe(entry.prefixes[i]);
              contentOf.set(id, entry.prefixes[i] as string);
            }
          }
          expect(new Set(contentOf.values()).size).toBe(contentOf.size);
          if (pool === "loses") pooled.delete([...pooled.keys()][0] as number);
          if (!release) continue;
          const gone = held.shift();
          gone?.release();
          if (pool !== "takes") continue;
          for (const [i, id] of gone?.ids.entries() ?? []) pooled.set(id, gone?.prefixes[i] as string);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("stay bounded by what is held, however many blocks pass by", () => {
    const ids = new ContentIds({ blockSize: BLOCK, poolBlocks: 100, isPooled: () => false });
    let largest = 0;
    for (let i = 0; i < 20_000; i++) {
      const { ids: blocks, release } = ids.hold(Int32Array.from([i, 1, 2, 3, i, 4, 5, 6]));
      largest = Math.max(largest, ...blocks);
      release();
    }
    expect(largest).toBeLessThan(2 * 100 + 16 + 2);
    expect(ids.size).toBeLessThan(2 * 100 + 16 + 2);
  });
});
