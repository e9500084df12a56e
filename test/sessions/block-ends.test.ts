import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { BlockEnds } from "../../lib/sessions/block-ends.js";

describe("where prompts end", () => {
  it.each([
    [0, 2 ** 31],
    [1, 2 ** 31],
    [2, 2 ** 31],
    [500, 2 ** 31],
    [0, 0],
    [1, 4],
    [500, 2000],
    [500, 2001],
  ])(
    "is what a map would hold, %i prompts of %i blocks, before and after it is cleared",
    (count, idLimit) => {
      const random = stream(count, "block ends");
      const ends = new BlockEnds(count, idLimit);
      const blocks = Array.from({ length: count }, () => random.integer(idLimit));
      for (let walk = 0; walk < 2; walk++) {
        const map = new Map<number, number>();
        for (let record = 0; record < count; record++) {
          const block = blocks[random.integer(count)];
          expect(ends.at(block)).toBe(map.get(block) ?? -1);
          expect(ends.put(block, record)).toBe(map.get(block) ?? -1);
          map.set(block, record);
        }
        for (const block of blocks) expect(ends.at(block)).toBe(map.get(block) ?? -1);
        ends.clear();
        for (const block of blocks) expect(ends.at(block)).toBe(-1);
      }
    },
  );
});
