import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { type BlockAccess, hitRateCurve } from "../../lib/cache/index.js";
import { poolHits, treeAccesses } from "./serial-pool.js";

/** A list in order of use: what is looked up first is used first, and leaves first. */
function tailsLast(accesses: readonly BlockAccess[], size: number): number {
  const held = new Set<number>();
  let hits = 0;
  for (const { contentIds, promptBlocks } of accesses) {
    const looked = [...contentIds].slice(0, promptBlocks);
    const missing = looked.findIndex((id) => !held.has(id));
    hits += missing < 0 ? looked.length : missing;
    for (const id of contentIds) {
      held.delete(id);
      held.add(id);
      if (held.size > size) held.delete([...held][0]!);
    }
  }
  return hits;
}

describe("hitRateCurve", () => {
  it("agrees with the block pool at every size, on random trees of prompts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 }),
        (paths) => {
          const accesses = treeAccesses(paths, 0.8);
          const curve = hitRateCurve(accesses);
          for (let size = 8; size <= 60; size++) expect(curve.hits(size)).toBe(poolHits(accesses, size));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("agrees with the block pool at 20 sizes on sessions whose context grows over shared prefixes", () => {
    const random = stream(11, "sessions");
    const paths: number[][] = [];
    const sessions = Array.from({ length: 150 }, (_, s) => [...new Array<number>(40).fill(s % 3), 1000 + s]);
    for (let k = 0; k < 900; k++) {
      const session = sessions[random.integer(sessions.length)]!;
      session.push(random.integer(5), random.integer(5), 2);
      paths.push([...session]);
    }
    const accesses = treeAccesses(paths, 0.8);
    const curve = hitRateCurve(accesses);
    const longest = Math.max(...paths.map((p) => p.length));
    for (let k = 0; k < 20; k++) {
      const size = Math.round(longest + ((curve.saturationBlocks - longest) * k) / 18);
      expect(curve.hits(size)).toBe(poolHits(accesses, size));
    }
  });

  it("accounts for every lookup, never falls with size, and saturates at the unbounded cache", () => {
    const paths = Array.from({ length: 500 }, (_, k) => [k % 3, k % 5, k % 7, k % 11]);
    const accesses = treeAccesses(paths, 0.8);
    const curve = hitRateCurve(accesses);
    const seen = new Set<number>();
    let repeats = 0;
    for (const { contentIds, promptBlocks } of accesses) {
      for (let i = 0; i < promptBlocks; i++) if (seen.has(contentIds[i]!)) repeats++;
      for (const id of contentIds) seen.add(id);
    }
    expect(curve.hits(1e9)).toBe(repeats);
    expect(curve.hits(curve.saturationBlocks)).toBe(repeats);
    expect(curve.lookups - curve.compulsoryMisses).toBe(repeats);
    for (let size = 1; size < 200; size++)
      expect(curve.hits(size)).toBeGreaterThanOrEqual(curve.hits(size - 1));
  });

  it("counts requests that are longer than its first tables", () => {
    const contentIds = Int32Array.from({ length: 1000 }, (_, i) => i);
    const accesses = Array.from({ length: 200 }, () => ({ contentIds, promptBlocks: 1000 }));
    const curve = hitRateCurve(accesses);
    expect(curve.hits(999)).toBe(199 * 999);
    expect(curve.hits(1000)).toBe(199 * 1000);
  });

  it("finds what a least-recently-used list finds in which a request's last block is its most recent", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 }),
        (paths) => {
          const accesses = treeAccesses(paths, 0.8);
          const curve = hitRateCurve(accesses, { mostRecentBlock: "last" });
          for (let size = 8; size <= 60; size++) expect(curve.hits(size)).toBe(tailsLast(accesses, size));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses a request with fewer content ids than prompt blocks", () => {
    expect(() => hitRateCurve([{ contentIds: new Int32Array(1), promptBlocks: 2 }])).toThrow(/prompt blocks/);
  });
});
