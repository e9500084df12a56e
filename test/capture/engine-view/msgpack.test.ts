import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMsgpack } from "../../../lib/capture/engine-view/msgpack.js";
import { encodeMsgpack } from "./recorded-frames.js";

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

describe("msgpack", () => {
  it.each([
    ["c0", null],
    ["c2", false],
    ["c3", true],
    ["7f", 127],
    ["ff", -1],
    ["e0", -32],
    ["ccff", 255],
    ["cdffff", 65_535],
    ["ceffffffff", 4_294_967_295],
    ["cf001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["cfffffffffffffffff", 18_446_744_073_709_551_615n],
    ["d080", -128],
    ["d18000", -32_768],
    ["d280000000", -2_147_483_648],
    ["d38000000000000000", -9_223_372_036_854_775_808n],
    ["ca3fc00000", 1.5],
    ["cb3ff8000000000000", 1.5],
    ["a3616263", "abc"],
    ["d903616263", "abc"],
    ["da0003616263", "abc"],
    ["db00000003616263", "abc"],
    ["9201c0", [1, null]],
    ["dc0001c3", [true]],
    ["dd00000001c3", [true]],
    ["81a16102", { a: 2 }],
    ["de0001a16102", { a: 2 }],
    ["df00000001a16102", { a: 2 }],
    ["d40100", undefined],
    ["c7020100ff", undefined],
  ])("%s", (hex, value) => {
    expect(decodeMsgpack(bytes(hex))).toEqual(value);
  });

  it("binary data is bytes of its own", () => {
    const whole = bytes("c402aabb");
    const read = decodeMsgpack(whole) as Uint8Array;
    whole.fill(0);
    expect([...read]).toEqual([0xaa, 0xbb]);
  });

  it("reads back what was written", () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(null, true, false),
        fc.nat(),
        fc.double({ noNaN: true }),
        fc.string({ maxLength: 40 }),
        fc.array(tie("tree"), { maxLength: 20 }),
        fc.dictionary(
          fc.string().filter((key) => key !== "__proto__"),
          tie("tree"),
          { maxKeys: 5, noNullPrototype: true },
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(decodeMsgpack(encodeMsgpack(value))).toEqual(value);
      }),
    );
  });

  it.each([
    ["nothing", ""],
    ["a text that is cut off", "a361"],
    ["an array that says it is larger than memory", "ddffffffff"],
    ["a map that says so", "dfffffffff01"],
    ["a binary that says so", "c6ffffffff"],
    ["a byte that begins nothing", "c1"],
    ["arrays in arrays in arrays", "91".repeat(1000)],
  ])("%s is a range error", (_, hex) => {
    expect(() => decodeMsgpack(bytes(hex))).toThrow(RangeError);
  });

  it("bytes of any kind are read or a range error, at once", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        try {
          decodeMsgpack(any);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
