import { describe, expect, it } from "vitest";
import { formatTickMs } from "../../lib/figure/format-quantity.js";
import { formatCount, formatMs, formatPercent } from "../../lib/figure/index.js";

describe("formatMs", () => {
  it.each([
    [0.0351, "35.1 µs"],
    [1, "1.00 ms"],
    [36.42, "36.4 ms"],
    [999, "999 ms"],
    [999.6, "1.00 s"],
    [24_130, "24.1 s"],
    [179_000, "179 s"],
    [600_000, "10.0 min"],
  ])("writes %d ms as %s", (ms, text) => expect(formatMs(ms)).toBe(text));
});

describe("formatTickMs", () => {
  it.each([
    [10, "10 ms"],
    [1000, "1 s"],
    [0.5, "500 µs"],
  ])("writes the tick %d without trailing zeros: %s", (ms, text) => expect(formatTickMs(ms)).toBe(text));
});

describe("formatCount and formatPercent", () => {
  it("set thousands apart", () => expect(formatCount(12_031)).toBe("12,031"));
  it("writes a share with one decimal", () => expect(formatPercent(0.0312)).toBe("3.1 %"));
});
