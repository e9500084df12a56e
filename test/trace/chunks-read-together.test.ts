import { describe, expect, it } from "vitest";
import { chunksReadTogether } from "../../lib/trace/files/importers/chunks-read-together.js";

describe("chunks that a client read together", () => {
  const joined = (...gapsMs: number[]) => {
    const chunks = chunksReadTogether(Float64Array.from(gapsMs));
    return chunks && { itlMs: [...chunks.itlMs], itlTokens: [...chunks.itlTokens] };
  };

  it("are one, closed by the gap before them, and last as long", () => {
    expect(joined(40, 0, 0, 12, 0)).toEqual({ itlMs: [40, 12], itlTokens: [3, 2] });
    expect(joined(5, 0.03125, 6)).toEqual({ itlMs: [5.03125, 6], itlTokens: [2, 1] });
  });

  it("belong to the first token's where no gap is before them", () => {
    expect(joined(0, 0, 7, 8)).toEqual({ itlMs: [7, 8], itlTokens: [1, 1] });
    expect(joined(0, 0)).toEqual({ itlMs: [], itlTokens: [] });
  });

  it("are none where every gap is one that an engine can make", () => {
    expect(joined(5, 0.05, 6)).toBeUndefined();
    expect(joined()).toBeUndefined();
  });
});
