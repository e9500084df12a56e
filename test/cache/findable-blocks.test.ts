import { expect, it } from "vitest";
import { BlockCache, findableBlocks } from "../../lib/cache/index.js";

it("is what a block cache finds of a prompt that it holds whole", () => {
  for (let promptTokens = 1; promptTokens <= 50; promptTokens++) {
    const cache = new BlockCache({ blockSize: 16, capacityBlocks: 16, enablePrefixCaching: true });
    const ids = Int32Array.of(0, 1, 2, 3);
    cache.enter(0, ids, promptTokens);
    cache.fit(0, promptTokens, promptTokens, true);
    cache.admit(0);
    cache.publish(0, promptTokens);
    cache.release(0);
    cache.enter(1, ids, promptTokens);
    const found = cache.fit(1, promptTokens, promptTokens, true)!;
    expect(16 * findableBlocks(promptTokens, 16), `${promptTokens} tokens`).toBe(found.cachedTokens);
  }
  expect(findableBlocks(0, 16)).toBe(0);
});
