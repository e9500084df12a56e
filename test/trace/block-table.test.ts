import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockTable } from "../../lib/trace/index.js";

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 20n }),
  fc.bigInt({ min: (1n << 64n) - 20n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: (1n << 53n) - 20n, max: (1n << 53n) + 20n }),
);
const high = (hash: bigint) => Number(hash >> 32n);
const low = (hash: bigint) => Number(hash & 0xffffffffn);

describe("BlockTable", () => {
  it("gives ids in order of first appearance and every hash its digits back", () => {
    fc.assert(
      fc.property(fc.array(u64, { maxLength: 300 }), (hashes) => {
        const table = new BlockTable();
        const distinct = [...new Set(hashes)];
        for (const hash of hashes) expect(table.internBigInt(hash)).toBe(distinct.indexOf(hash));
        expect(table.size).toBe(distinct.length);
        expect(distinct.map((_, id) => table.text(id))).toEqual(distinct.map(String));
      }),
    );
  });

  it("gives a chain the ids that its hashes get one by one", () => {
    fc.assert(
      fc.property(fc.array(fc.array(u64, { maxLength: 30 }), { maxLength: 10 }), (chains) => {
        const oneByOne = new BlockTable();
        const asChains = new BlockTable();
        for (const chain of chains) {
          const ids = new Int32Array(chain.length);
          asChains.internChain(Uint32Array.from(chain, high), Uint32Array.from(chain, low), ids);
          expect([...ids]).toEqual(chain.map((hash) => oneByOne.internBigInt(hash)));
        }
      }),
    );
  });

  it("finds its hashes again after growing", () => {
    const table = new BlockTable();
    for (let i = 0; i < 200_000; i++) expect(table.intern(i >>> 3, Math.imul(i, 0x9e3779b1))).toBe(i);
    for (let i = 0; i < 200_000; i += 97) expect(table.intern(i >>> 3, Math.imul(i, 0x9e3779b1))).toBe(i);
  });

  it("makes fresh ids that clash with no hash of the trace", () => {
    const table = new BlockTable();
    table.intern(0xffffffff, 1);
    expect(table.internFresh()).toBe(1);
    expect(table.internFresh()).toBe(2);
    expect(new Set([0, 1, 2].map((id) => table.text(id))).size).toBe(3);
  });
});
