import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeldBytes } from "../../../lib/capture/tap/held-bytes.js";

const limits = { totalBytes: 100, largeBytes: 40, smallBytes: 10 };

describe("held bytes", () => {
  it("are refused beyond the total, and there again once others are released", () => {
    const held = new HeldBytes(limits);
    for (let id = 0; id < 10; id++) expect(held.take(id, 10)).toBe(true);
    expect(held.take(10, 1)).toBe(false);
    held.release(3);
    expect(held.take(10, 10)).toBe(true);
    expect(held.total).toBe(100);
  });

  it("of large bodies leave room for small ones", () => {
    const held = new HeldBytes(limits);
    expect(held.take(0, 50)).toBe(true);
    expect(held.take(1, 11)).toBe(false);
    expect(held.take(1, 10)).toBe(true);
    expect(held.take(1, 1)).toBe(false);
  });

  it("come to nothing when all are released, whatever was taken and refused", () => {
    const step = fc.tuple(fc.nat(5), fc.nat(60), fc.boolean());
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const held = new HeldBytes(limits);
        for (const [id, bytes, isRelease] of steps) {
          if (isRelease) held.release(id);
          else held.take(id, bytes);
          expect(held.total).toBeLessThanOrEqual(limits.totalBytes);
        }
        for (let id = 0; id <= 5; id++) held.release(id);
        expect(held.total).toBe(0);
        expect(held.take(0, 50)).toBe(true);
      }),
    );
  });
});
