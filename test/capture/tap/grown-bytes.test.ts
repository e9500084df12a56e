import { describe, expect, it } from "vitest";
import { stream } from "../../../lib/base/index.js";
import { GrownBytes } from "../../../lib/capture/tap/grown-bytes.js";

const MIB = 2 ** 20;

describe("bytes that come in pieces", () => {
  it("are the pieces one after the other, whatever their sizes", () => {
    // Up to about 1 MiB together, so that some are large and most are not.
    for (let seed = 0; seed < 20; seed++) {
      const random = stream(seed, "pieces");
      const pieces = Array.from({ length: 30 }, () => {
        const piece = new Uint8Array(random.integer(10 ** (5 * random.uniform())));
        return piece.fill(random.integer(256));
      });
      const grown = new GrownBytes(8 * MIB);
      for (const piece of pieces) grown.add(piece);
      const whole = Buffer.concat(pieces);
      expect(grown.length).toBe(whole.length);
      expect(Buffer.from(grown.take()).equals(whole), `seed ${seed}`).toBe(true);
    }
  });

  it("are taken in memory of their own, which can be handed on, up to the last byte that is granted", () => {
    const grown = new GrownBytes(MIB);
    const piece = new Uint8Array(MIB / 4).fill(7);
    for (let i = 0; i < 4; i++) grown.add(piece);
    piece.fill(8);
    const whole = grown.take();
    const moved = structuredClone(whole, { transfer: [whole.buffer] });
    expect([moved.length, moved.every((byte) => byte === 7), whole.length]).toEqual([MIB, true, 0]);
  });

  it("are not kept once they are dropped; their length is", () => {
    const grown = new GrownBytes(MIB);
    grown.add(new Uint8Array(1000));
    grown.clear();
    expect([grown.length, grown.take().every((byte) => byte === 0)]).toEqual([1000, true]);
  });
});
