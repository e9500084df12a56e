import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockPool } from "../../lib/cache/index.js";

/** The pool's rules with arrays and objects, every operation by search. */
class NaivePool {
  readonly blocks: { id: number; content: number; references: number }[];
  readonly free: number[];

  constructor(capacity: number) {
    this.blocks = Array.from({ length: capacity }, (_, id) => ({ id, content: -1, references: 0 }));
    this.free = this.blocks.map((b) => b.id);
  }

  /** Contents that can be found. */
  findable(): Set<number> {
    return new Set(this.blocks.filter((b) => b.content >= 0).map((b) => b.content));
  }

  acquire(id: number): void {
    if (this.blocks[id]!.references++ === 0) this.free.splice(this.free.indexOf(id), 1);
  }

  allocate(): number {
    const id = this.free.shift();
    if (id === undefined) return -1;
    Object.assign(this.blocks[id]!, { content: -1, references: 1 });
    return id;
  }

  release(ids: readonly number[]): void {
    const idle = [...ids].reverse().filter((id) => --this.blocks[id]!.references === 0);
    this.free.unshift(...idle.filter((id) => this.blocks[id]!.content < 0));
    this.free.push(...idle.filter((id) => this.blocks[id]!.content >= 0));
  }
}

const operations = fc.array(
  fc.record({
    kind: fc.constantFrom("start", "start", "finish"),
    contents: fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }),
    registered: fc.nat(6),
    which: fc.nat(100),
  }),
  { maxLength: 80 },
);

describe("BlockPool", () => {
  it("behaves as the naive pool does, and conserves its blocks, under random requests", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 20 }), operations, (capacity, script) => {
        const pool = new BlockPool(capacity, 4);
        const naive = new NaivePool(capacity);
        const held: number[][] = [];
        for (const { kind, contents, registered, which } of script) {
          if (kind === "finish") {
            if (held.length === 0) continue;
            const [blocks] = held.splice(which % held.length, 1) as [number[]];
            pool.release(Int32Array.from(blocks), blocks.length);
            naive.release(blocks);
          } else {
            const blocks: number[] = [];
            for (const [i, content] of contents.entries()) {
              const found = blocks.length === i ? pool.find(content) : -1;
              expect(found >= 0).toBe(blocks.length === i && naive.findable().has(content));
              if (found >= 0 && !blocks.includes(found)) {
                pool.acquire(found);
                naive.acquire(found);
                blocks.push(found);
                continue;
              }
              const taken = pool.allocate();
              expect(taken).toBe(naive.allocate());
              if (taken < 0) break;
              blocks.push(taken);
              if (i < registered) {
                pool.register(taken, content);
                naive.blocks[taken]!.content = content;
              }
            }
            held.push(blocks);
          }
          expect(pool.freeBlocks).toBe(naive.free.length);
          expect(pool.usedBlocks).toBe(new Set(held.flat()).size);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("keeps content findable while any block with it is left", () => {
    const pool = new BlockPool(3);
    const [a, b] = [pool.allocate(), pool.allocate()];
    pool.register(a, 7);
    pool.register(b, 7);
    pool.release(Int32Array.of(a), 1);
    pool.allocate();
    expect(pool.allocate()).toBe(a);
    expect(pool.find(7)).toBe(b);
  });

  it("finds nothing under a content id that it never saw", () => {
    expect(new BlockPool(2).find(1_000_000)).toBe(-1);
  });
});
