import { describe, expect, it } from "vitest";
import {
  cardOf,
  kvBytesPerToken,
  poolThatFits,
  qwen3With8B,
  workingBytes,
} from "../../lib/hardware/index.js";

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
    expect(usedBytes).toBeGreaterThan(0.87 * card.memoryBytes);
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

  it("leaves room for the logits of every seat, more on a large card by vLLM's defaults", () => {
    const gib = (name: string, maxNumSeqs?: number) =>
      workingBytes(cardOf(name), qwen3With8B, { ...(maxNumSeqs !== undefined && { maxNumSeqs }) }) / 2 ** 30;
    expect(gib("h100")).toBe(gib("h200"));
    expect(gib("a100")).toBe(gib("rtx-4090"));
    expect(gib("h100") - gib("h100", 256)).toBeCloseTo((768 * 151_936 * 16) / 2 ** 30, 9);
    expect(gib("a100")).toBeCloseTo(gib("h100", 256), 9);
    const at = (maxNumSeqs: number) => poolThatFits(cardOf("h100"), qwen3With8B, { maxNumSeqs });
    expect(at(64)).toBeGreaterThan(at(1024));
    expect(() => at(0)).toThrow(/maxNumSeqs must be a positive integer/);
  });
});
