import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ActiveBlocks } from "../../lib/fleet/active-blocks.js";
import { HashRing } from "../../lib/fleet/hash-ring.js";
import { ReplicaSets } from "../../lib/fleet/replica-sets.js";

describe("sets of replicas", () => {
  it("tell how far each replica has a chain, as walking it replica by replica does", () => {
    const change = fc.record({
      content: fc.nat(40),
      replica: fc.nat(69),
      does: fc.constantFrom("add", "add", "delete", "clear"),
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 400 }),
        fc.array(fc.nat(60), { maxLength: 20 }),
        fc.constantFrom(1, 3, 31, 32, 33, 64, 70),
        (changes, chain, replicas) => {
          const sets = new ReplicaSets(replicas, 1);
          const naive = Array.from({ length: replicas }, () => new Set<number>());
          for (const { content, replica: any, does } of changes) {
            const replica = any % replicas;
            if (does === "clear") {
              // Rare, so that there is something to be found.
              if (content > 3) continue;
              sets.clear(replica);
              naive[replica]!.clear();
            } else {
              sets[does](content, replica);
              naive[replica]![does](content);
            }
          }
          const depths = new Int32Array(replicas).fill(-7);
          sets.depths(Int32Array.from(chain), chain.length, depths);
          const expected = naive.map((held) => {
            const lacking = chain.findIndex((content) => !held.has(content));
            return lacking < 0 ? chain.length : lacking;
          });
          expect([...depths]).toEqual(expected);
          for (const content of chain)
            expect(sets.isEmpty(content)).toBe(naive.every((held) => !held.has(content)));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("active blocks", () => {
  it("are those of the prompts that are there, each once", () => {
    // Chains as prefixes have them: block k of a path is named by all of the path to it.
    const path = fc.array(fc.nat(1), { maxLength: 6 });
    const chainOf = (bits: readonly number[]) =>
      Int32Array.from(bits, (_, k) => bits.slice(0, k + 1).reduce((id, bit) => 2 * id + bit, 1));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(path, fc.nat(1), fc.boolean()), { maxLength: 60 }),
        path,
        (steps, asked) => {
          const active = new ActiveBlocks(2);
          const there: [Int32Array, number][] = [];
          for (const [bits, replica, leaves] of steps) {
            if (leaves && there.length > 0) {
              const [chain, at] = there.splice(bits.length % there.length, 1)[0]!;
              active.remove(chain, chain.length, at);
            } else {
              const chain = chainOf(bits);
              active.add(chain, chain.length, replica);
              there.push([chain, replica]);
            }
            const blocks = [0, 1].map(
              (at) => new Set(there.flatMap(([chain, r]) => (r === at ? [...chain] : []))),
            );
            expect([...active.sizeBlocks]).toEqual(blocks.map(({ size }) => size));
            const depths = new Int32Array(2);
            const chain = chainOf(asked);
            active.depths(chain, chain.length, depths);
            expect([...depths]).toEqual(blocks.map((held) => chain.filter((id) => held.has(id)).length));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a hash ring", () => {
  const keys = Array.from({ length: 4000 }, (_, key) => key);

  it("moves only the keys of a replica that closes, and spreads them over the others", () => {
    const ring = new HashRing(8, 150);
    const before = keys.map((key) => ring.find(key, () => true));
    const after = keys.map((key) => ring.find(key, (replica) => replica !== 3));
    expect(keys.filter((key) => before[key] !== 3 && before[key] !== after[key])).toEqual([]);
    expect(new Set(keys.filter((key) => before[key] === 3).map((key) => after[key])).size).toBe(7);
    expect(ring.find(0, () => false)).toBe(-1);
  });

  it("gives each replica its share, closer with more virtual nodes", () => {
    const farthest = (virtualNodes: number) => {
      const ring = new HashRing(8, virtualNodes);
      const counts = new Array<number>(8).fill(0);
      for (const key of keys) counts[ring.find(key, () => true)]!++;
      return Math.max(...counts.map((count) => Math.abs(count / 500 - 1)));
    };
    expect(farthest(150)).toBeLessThan(0.3);
    expect(farthest(150)).toBeLessThan(farthest(1));
  });
});
