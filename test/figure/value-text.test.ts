import { describe, expect, it } from "vitest";
import { valueText } from "../../lib/figure/value-text.js";

describe("valueText", () => {
  it("gives a short value whole, and a text as it is", () => {
    expect(valueText({ a: 1, b: [2, { c: "x" }] })).toBe("{ a: 1, b: [ 2, { c: 'x' } ] }");
    expect(valueText("two\nlines")).toBe("two\nlines");
    expect(valueText(undefined)).toBe("undefined");
  });

  it("outlines a long one: a line a field, with how much stands in it and what it is like", () => {
    class Run {
      readonly stepEndMs = Float64Array.from({ length: 5000 }, (_, at) => at);
      readonly requests = Array.from({ length: 400 }, (_, id) => ({ id, ttftMs: id / 2, cached: true }));
      readonly names = new Map([["a", 1]]);
      readonly plan = { pacing: "session", seed: 1, nested: { deep: true } };
      readonly tell = (): string => "told";
      readonly note = "x".repeat(3000);
      readonly count = 400;
    }
    const text = valueText(new Run());
    expect(text.split("\n").slice(0, 6)).toEqual([
      "Run {",
      "  stepEndMs: Float64Array [0, 1, 2, 3, 4, ... 5000 in all]",
      "  requests: 400 of { id, ttftMs, cached }",
      "  names: Map of 1",
      "  plan: { pacing, seed, nested }",
      "  tell: function",
    ]);
    expect(text).toMatch(/count: 400\n\}$/);
    expect(text.length).toBeLessThan(1000);
  });

  it("says how long a long list is, and what of", () => {
    const rows = Array.from({ length: 900 }, (_, at) => ({ at, text: "words" }));
    expect(valueText(rows)).toMatch(/880 more items/);
    const wide = rows.map(({ at }) => ({ at, text: "words that fill a line ".repeat(9) }));
    expect(valueText(wide)).toBe("900 of { at, text }");
    expect(valueText(new Set(wide.map(({ at, text }) => `${at}${text}`)))).toBe("Set of 900");
  });

  it("takes what refuses to be looked at no worse than the console does", () => {
    const knot: { self?: object; list: number[] } = { list: Array.from({ length: 5000 }, () => 1e15) };
    knot.self = knot;
    expect(valueText(knot)).toContain("Circular");
    expect(valueText(Object.create(null))).toBe("[Object: null prototype] {}");
  });
});
