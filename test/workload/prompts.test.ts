import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  blockExpander,
  promptText,
  promptTokenIds,
  tokenPoolOf,
  tokenRange,
} from "../../lib/workload/index.js";

describe("promptText", () => {
  it("is plain words of exactly the length asked for, and a shorter one begins a longer one", () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.nat(600), fc.nat(600), (seed, name, a, b) => {
        const long = promptText({ seed, name, characters: a + b });
        expect(long).toHaveLength(a + b);
        expect(long).toMatch(/^[a-z ]*$/);
        expect(long).not.toMatch(/ {2}/);
        expect(long.startsWith(promptText({ seed, name, characters: a }))).toBe(true);
      }),
    );
  });

  it("differs between names within the first block of 16 characters", () => {
    const first = new Set(
      Array.from({ length: 2_000 }, (_, i) => promptText({ seed: 1, name: `request ${i}`, characters: 16 })),
    );
    expect(first.size).toBe(2_000);
  });
});

describe("promptTokenIds", () => {
  it("draws from the pool only; the same name gives the same ids, and a shorter prompt begins a longer one", () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.nat(300), (seed, name, tokens) => {
        const pool = tokenPoolOf([9, 4, 4, 77, 12]);
        const ids = promptTokenIds({ seed, name, tokens, pool });
        expect(ids).toHaveLength(tokens);
        expect(ids.every((id) => pool.includes(id))).toBe(true);
        expect(promptTokenIds({ seed, name, tokens: tokens + 9, pool }).subarray(0, tokens)).toEqual(ids);
      }),
    );
  });

  it("uses every token of the pool about equally", () => {
    const pool = tokenRange(100, 103);
    const ids = promptTokenIds({ seed: 5, name: "x", tokens: 40_000, pool });
    for (const token of pool) {
      const count = ids.filter((id) => id === token).length;
      expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt(7_500));
    }
  });

  it("refuses an empty pool", () => {
    expect(() => promptTokenIds({ seed: 1, name: "x", tokens: 1, pool: new Int32Array(0) })).toThrow(/pool/);
  });
});

describe("tokenPoolOf", () => {
  it("keeps each id once, ascending as numbers", () => {
    expect([...tokenPoolOf([100, 9, 100, 20])]).toEqual([9, 20, 100]);
  });
});

describe("blockExpander", () => {
  const id = fc.nat(2 ** 31 - 1);

  it("gives every id one block of pool tokens, and two ids never the same", () => {
    const pools = [tokenRange(0, 94), tokenRange(5, 6), tokenRange(1000, 60_000)];
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...pools), id, id, (seed, pool, a, b) => {
        const expand = blockExpander({ blockSize: 32, pool, seed });
        const block = expand(a);
        expect(block).toHaveLength(32);
        expect(block.every((token) => token >= pool[0]! && token <= pool.at(-1)!)).toBe(true);
        expect(expand(a)).toEqual(block);
        expect(expand(b).join() === block.join()).toBe(a === b);
      }),
    );
  });

  it("gives other blocks under another seed", () => {
    const pool = tokenRange(0, 94);
    const [one, two] = [1, 2].map((seed) => blockExpander({ blockSize: 16, pool, seed }));
    const blocks = new Set(Array.from({ length: 1_000 }, (_, i) => one!(i).join()));
    expect(Array.from({ length: 1_000 }, (_, i) => two!(i).join()).some((block) => blocks.has(block))).toBe(
      false,
    );
  });

  it("refuses a pool too small to tell ids apart, and ids out of range", () => {
    expect(() => blockExpander({ blockSize: 16, pool: tokenRange(0, 1), seed: 1 })).toThrow(
      /blocks of 16 tokens from a pool of 2 cannot tell/,
    );
    const expand = blockExpander({ blockSize: 16, pool: tokenRange(0, 94), seed: 1 });
    expect(() => expand(-1)).toThrow(/contentId/);
    expect(() => expand(2 ** 31)).toThrow(/contentId/);
  });
});
