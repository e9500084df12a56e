import { describe, expect, it } from "vitest";
import { cardOf, kvBytesPerToken, poolThatFits, qwen3With8B } from "../../lib/hardware/index.js";

describe("the pool that fits a card", () => {
  it("holds two numbers a KV head, dimension and layer for each token", () => {
    // 36 layers x 8 heads x 128 dimensions x key and value x 2 bytes.
    expect(kvBytesPerToken(qwen3With8B)).toBe(147_456);
  });

  it("is what memory, utilization and weights leave", () => {
    const card = cardOf("h200");
    const tokens = poolThatFits(card, qwen3With8B);
    const usedBytes = tokens * kvBytesPerToken(qwen3With8B) + qwen3With8B.parameters * 2;
    expect(usedBytes).toBeLessThan(0.9 * card.memoryBytes);
    expect(usedBytes).toBeGreaterThan(0.88 * card.memoryBytes);
  });

  it("grows with the share of the card that may be used", () => {
    const at = (memoryUtilization: number) =>
      poolThatFits(cardOf("h200"), qwen3With8B, { memoryUtilization });
    expect(at(0.95)).toBeGreaterThan(at(0.9));
  });

  it("refuses a card that is too small for the weights, and a card that there is not", () => {
    const small = { ...cardOf("h200"), name: "small", memoryBytes: 16 * 2 ** 30 };
    expect(() => poolThatFits(small, qwen3With8B)).toThrow(/needs 15.3 GiB.*small has 16.0 GiB/);
    expect(() => cardOf("h900")).toThrow(/no card "h900", expected one of h100, h200, b200/);
  });
});
