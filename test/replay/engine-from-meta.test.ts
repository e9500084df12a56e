import { describe, expect, it } from "vitest";
import { engineOptions } from "../../lib/engine/index.js";
import { engineFromMeta, engineToMeta } from "../../lib/replay/index.js";

describe("an engine's settings in a meta line", () => {
  it("are read back as they were written", () => {
    for (const given of [
      {},
      { enablePrefixCaching: false, kvCacheBlocks: 777, maxNumSeqs: 2, blockSize: 32 },
      { prefixReuse: "slots", maxNumBatchedTokens: 4096, longPrefillTokenThreshold: 300 },
    ] as const) {
      const engine = engineOptions(given);
      const back = engineFromMeta({ source: "modeled", ...engineToMeta(engine) });
      expect(engineOptions(back)).toEqual(engine);
    }
  });
});
