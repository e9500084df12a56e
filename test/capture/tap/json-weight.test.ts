import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonWeight } from "../../../lib/capture/tap/json-weight.js";

const weight = (text: string) => jsonWeight(Buffer.from(text));
const MIB = 2 ** 20;

describe("the weight of a JSON text", () => {
  it("is a few times its length for the bodies that clients send", () => {
    const ids = JSON.stringify({ prompt: Array.from({ length: 11_000 }, (_, i) => i), stream: true });
    const chat = JSON.stringify({ messages: [{ role: "user", content: 'a "quoted" word '.repeat(5_000) }] });
    for (const text of [ids, chat]) expect(weight(text)).toBeLessThan(5 * text.length);
  });

  it("is what its values cost, where they cost more than their text", () => {
    expect(weight(`[${'"a",'.repeat(2_000_000)}"a"]`)).toBeGreaterThan(80 * MIB);
    expect(weight(`[${"{},".repeat(1_000_000)}{}]`)).toBeGreaterThan(64 * MIB);
    expect(weight(`{${'"k":1,'.repeat(1_000_000)}"k":1}`)).toBeGreaterThan(64 * MIB);
  });

  it("is infinite where it is nested too deep to be walked", () => {
    expect(weight("[".repeat(100_000))).toBe(Number.POSITIVE_INFINITY);
    expect(weight('{"a":'.repeat(300))).toBe(Number.POSITIVE_INFINITY);
  });

  it("counts nothing inside strings, whatever is escaped there", () => {
    const letters = fc.array(fc.constantFrom('"', "\\", "[", "{", ",", ":", "a", "é"));
    fc.assert(
      fc.property(letters, (text) => {
        const json = JSON.stringify(text.join(""));
        expect(weight(json)).toBe(2 * Buffer.byteLength(json) + 32);
      }),
    );
  });

  it("takes time in proportion to the text, also where quotes and backslashes have no end", () => {
    for (const text of [`"${"\\".repeat(3 * MIB)}`, `"${'\\"'.repeat(2 * MIB)}`, '"'.repeat(3 * MIB)])
      expect(weight(text)).toBeGreaterThan(text.length);
  });
});
