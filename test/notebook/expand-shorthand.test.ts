import { describe, expect, it } from "vitest";
import { expandShorthand } from "../../lib/notebook/expand-shorthand.js";

describe("expandShorthand", () => {
  it.each([
    ["f({ a, b: 1, ...c });", "f({ a: a, b: 1, ...c });"],
    ["const o = { a, g() { return { b }; } };", "const o = { a: a, g() { return { b: b }; } };"],
    ["({ a, b = 2 } = o);", "({ a: a, b: b = 2 } = o);"],
    ["const { a, b } = o;", "const { a, b } = o;"],
    ["const text = '{ a }' + f({ a }); // { a }", "const text = '{ a }' + f({ a: a }); // { a }"],
    ["import { a } from 'b';\nexport { a };", "import { a } from 'b';\nexport { a };"],
  ])("turns %s into %s", (source, expanded) => expect(expandShorthand(source)).toBe(expanded));

  it("leaves a cell that does not parse for the compiler to complain about", () => {
    expect(() => expandShorthand("const = {")).not.toThrow();
  });
});
