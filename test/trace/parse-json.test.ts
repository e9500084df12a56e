import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deepestNesting, finiteOnly, parseLenientJson } from "../../lib/trace/files/parse-json.js";

describe("JSON as Python writes it", () => {
  it("has null for NaN and infinities, and says so; words in texts and keys stay", () => {
    const text = '{"a": NaN, "b": [-Infinity, Infinity, 1], "NaN": "x: NaN, \\"NaN", "c": "-Infinity"}';
    expect(parseLenientJson(text)).toEqual({
      value: { a: null, b: [null, null, 1], NaN: 'x: NaN, "NaN', c: "-Infinity" },
      hadNaN: true,
    });
  });

  it("is JSON otherwise: what JSON.parse takes comes out the same, what it refuses is refused", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseLenientJson(text)).toEqual({ value: JSON.parse(text), hadNaN: false });
      }),
    );
    for (const text of ["", "{", "nan", "NaNa", "{NaN: 1}", '{"a": NaN', '"NaN', '"\\', "+Infinity", "1NaN"])
      expect(() => parseLenientJson(text), text).toThrow(SyntaxError);
  });

  it("takes long texts in time that grows with their length", () => {
    const text = `{"a": NaN, "b": "${'\\"'.repeat(500_000)}"}`;
    expect(parseLenientJson(text).hadNaN).toBe(true);
  });
});

describe("an object without numbers beyond a double", () => {
  it("is the same one where there is none", () => {
    const object = { a: 1e308, b: [null, "1e999", { c: -0 }] };
    expect(finiteOnly(object)).toEqual({ value: object, tooLarge: [] });
    expect(finiteOnly(object).value).toBe(object);
  });

  it("lacks them, by name; in a list null holds their place", () => {
    expect(
      finiteOnly(JSON.parse('{"a": 1e999, "b": [1, -1e999, {"c": 1e400, "d": 2}], "__proto__": 3}')),
    ).toEqual({
      value: JSON.parse('{"b": [1, null, {"d": 2}], "__proto__": 3}'),
      tooLarge: ["a", "b[1]", "b[2].c"],
    });
  });

  it("is refused where it is nested deeper than what writes it can go", () => {
    const nested = (levels: number) => JSON.parse(`{"a": ${"[".repeat(levels)}${"]".repeat(levels)}}`);
    finiteOnly(nested(deepestNesting - 1));
    expect(() => finiteOnly(nested(deepestNesting))).toThrow(RangeError);
    expect(() => finiteOnly(nested(200_000))).toThrow("nested deeper than 500 levels");
  });
});
