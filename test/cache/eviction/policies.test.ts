import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../../lib/base/index.js";
import { BlockPool, type EvictionPolicy, evictionPolicy, evictions } from "../../../lib/cache/index.js";

const capacityBlocks = 6;

/** What is known of an idle block by an obvious implementation: all of its past. */
interface Idle {
  readonly block: number;
  readonly freedAt: number;
  readonly storedAt: number;
  readonly hits: number;
}

/** The idle block that each policy gives up, from everything that ever happened. */
const obvious: Record<string, (idle: readonly Idle[]) => number> = {
  lru: (idle) => least(idle, (b) => b.freedAt),
  mru: (idle) => least(idle, (b) => -b.freedAt),
  fifo: (idle) => least(idle, (b) => b.storedAt),
  lfu: (idle) => least(idle, (b) => b.hits * 1e6 + b.freedAt),
};

function least(idle: readonly Idle[], key: (block: Idle) => number): number {
  return idle.reduce((best, one) => (key(one) < key(best) ? one : best)).block;
}

const steps = fc.array(fc.record({ action: fc.constantFrom("take", "free", "find"), pick: fc.nat(1000) }), {
  minLength: 40,
  maxLength: 160,
  size: "max",
});

/** Plays a life of a pool on a policy, and on the history of its blocks; tells each victim beside that history. */
function play(
  policy: EvictionPolicy,
  drawn: readonly { readonly action: string; readonly pick: number }[],
  seed: number,
): { victim: number; idle: readonly Idle[] }[] {
  const eviction = policy.start({ capacityBlocks, random: stream(seed, "eviction") });
  const idle = new Map<number, Idle>();
  const used = new Map<number, Omit<Idle, "freedAt">>();
  let untouched = 0;
  let clock = 0;
  const victims: { victim: number; idle: readonly Idle[] }[] = [];
  const at = <T>(items: readonly T[], pick: number): T => items[pick % items.length];
  for (const { action, pick } of drawn) {
    clock++;
    if (action === "take" && (untouched < capacityBlocks || idle.size > 0)) {
      let block = untouched;
      if (untouched < capacityBlocks) untouched++;
      else {
        const before = [...idle.values()];
        block = eviction.victim();
        victims.push({ victim: block, idle: before });
        idle.delete(block);
      }
      eviction.stored?.(block, clock);
      used.set(block, { block, storedAt: clock, hits: 0 });
    } else if (action === "free" && used.size > 0) {
      const block = at([...used.keys()], pick);
      eviction.freed(block, 0);
      idle.set(block, { ...(used.get(block) as Omit<Idle, "freedAt">), freedAt: clock });
      used.delete(block);
    } else if (action === "find" && idle.size > 0) {
      const block = at([...idle.keys()], pick);
      const { freedAt: _, ...known } = idle.get(block) as Idle;
      eviction.reused(block);
      eviction.hit?.(block);
      idle.delete(block);
      used.set(block, { ...known, hits: known.hits + 1 });
    }
  }
  return victims;
}

describe("eviction policies", () => {
  for (const [name, expected] of Object.entries(obvious))
    it(`${name} gives up the block that its definition names, of all that are idle`, () => {
      let choices = 0;
      fc.assert(
        fc.property(steps, (drawn) => {
          for (const { victim, idle } of play(evictionPolicy(name), drawn, 1)) {
            expect(victim).toBe(expected(idle));
            if (idle.length > 1) choices++;
          }
        }),
        { numRuns: 500 },
      );
      expect(choices).toBeGreaterThan(1000);
    });

  it("slru gives up what lists of its two segments give up", () => {
    const [probation, guarded] = [new Set<number>(), new Set<number>()];
    const found = new Set<number>();
    /** Sets keep the order in which blocks came: the first is the one idle for longest. */
    const takeFirst = (segment: Set<number>): number => {
      const [first] = segment;
      segment.delete(first);
      return first;
    };
    const lists: EvictionPolicy = {
      name: "two lists",
      start: () => {
        for (const set of [probation, guarded, found]) set.clear();
        return {
          stored: (block) => found.delete(block),
          hit: (block) => found.add(block),
          freed: (block) => {
            (found.has(block) ? guarded : probation).add(block);
            if (guarded.size <= Math.floor(0.8 * capacityBlocks)) return;
            const demoted = takeFirst(guarded);
            found.delete(demoted);
            probation.add(demoted);
          },
          reused: (block) => {
            probation.delete(block);
            guarded.delete(block);
          },
          victim: () => {
            if (probation.size === 0) fromGuarded++;
            return takeFirst(probation.size > 0 ? probation : guarded);
          },
        };
      },
    };
    let fromGuarded = 0;
    let choices = 0;
    fc.assert(
      fc.property(steps, (drawn) => {
        const victims = (policy: EvictionPolicy) => play(policy, drawn, 1).map(({ victim }) => victim);
        const expected = victims(lists);
        expect(victims(evictionPolicy("slru"))).toEqual(expected);
        choices += expected.length;
      }),
      { numRuns: 500 },
    );
    expect(choices).toBeGreaterThan(1000);
    expect(fromGuarded).toBeGreaterThan(50);
  });

  it("slru puts the protected block that is idle for longest back on probation when the segment is full", () => {
    const eviction = evictionPolicy("slru").start({ capacityBlocks: 5, random: stream(1, "eviction") });
    for (let block = 0; block < 5; block++) {
      eviction.stored?.(block, block);
      eviction.hit?.(block);
      eviction.freed(block, block);
    }
    // Four fifths of five are four: the first one is on probation.
    expect(eviction.victim()).toBe(0);
    expect(eviction.victim()).toBe(1);
  });

  it("random gives up idle blocks only, each now and then, and the same ones for the same seed", () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(steps, fc.nat(1000), (drawn, seed) => {
        const victims = play(evictionPolicy("random"), drawn, seed);
        for (const { victim, idle } of victims) {
          expect(idle.map(({ block }) => block)).toContain(victim);
          seen.add(victim);
        }
        const again = play(evictionPolicy("random"), drawn, seed);
        expect(again.map(({ victim }) => victim)).toEqual(victims.map(({ victim }) => victim));
      }),
      { numRuns: 200 },
    );
    expect(seen.size).toBe(capacityBlocks);
  });

  it("are values without state: two pools do not share one", () => {
    for (const name of Object.keys(evictions)) {
      const policy = evictionPolicy(name);
      const [a, b] = [1, 1].map(() => policy.start({ capacityBlocks: 2, random: stream(1, "eviction") }));
      a.stored?.(0, 0);
      a.freed(0, 0);
      b.stored?.(1, 1);
      b.freed(1, 1);
      expect([name, a.victim(), b.victim()]).toEqual([name, 0, 1]);
    }
  });

  it("can be written in a few lines, and one that names a block in use is told so", () => {
    const newestNumber: EvictionPolicy = {
      name: "newest-number",
      start: () => {
        const idle = new Set<number>();
        return {
          freed: (block) => idle.add(block),
          reused: (block) => idle.delete(block),
          victim: () => {
            const block = Math.max(...idle);
            idle.delete(block);
            return block;
          },
        };
      },
    };
    const fill = (policy: EvictionPolicy) => {
      const pool = new BlockPool(3, 16, policy);
      const blocks = Int32Array.of(0, 0, 0);
      pool.allocateInto(blocks, 0, 3);
      pool.registerRange(blocks, Int32Array.of(5, 6, 7), 0, 3);
      return { pool, blocks };
    };
    const { pool, blocks } = fill(newestNumber);
    pool.release(blocks, 3);
    expect(pool.allocate()).toBe(2);
    const wrong = fill({ ...newestNumber, start: () => ({ freed() {}, reused() {}, victim: () => 0 }) });
    wrong.pool.release(wrong.blocks.subarray(1), 2);
    expect(() => wrong.pool.allocate()).toThrow(/eviction policy "newest-number": victim\(\) returned 0/);
  });

  it("are refused by a name that there is not, with those there are", () => {
    expect(() => evictionPolicy("clock")).toThrow(
      /no eviction policy "clock", expected one of lru, mru, fifo/,
    );
    expect(() => evictionPolicy({ name: "mine" })).toThrow(/an object with a name and start/);
  });
});
