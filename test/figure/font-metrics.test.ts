import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { fontMetrics, readFontMetrics } from "../../lib/figure/font-metrics.js";

describe("fontMetrics", () => {
  it("measures digits of Inter at 0.6 to 0.7 em, and text as the sum of its characters", () => {
    const { widthPx } = fontMetrics("regular");
    expect(widthPx("0", 100)).toBeGreaterThan(55);
    expect(widthPx("0", 100)).toBeLessThan(70);
    expect(widthPx("TTFT", 12)).toBeCloseTo(3 * widthPx("T", 12) + widthPx("F", 12), 9);
  });

  it("grows in proportion to the size and with weight", () => {
    const text = "captured: median 36.4 ms";
    expect(fontMetrics("regular").widthPx(text, 24)).toBeCloseTo(
      2 * fontMetrics("regular").widthPx(text, 12),
      9,
    );
    expect(fontMetrics("bold").widthPx(text, 12)).toBeGreaterThan(fontMetrics("regular").widthPx(text, 12));
  });

  it("refuses a font without the tables it needs", () => {
    expect(() => readFontMetrics(new Uint8Array(12))).toThrow(InputError);
  });
});
