import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asUtf8, wideEncoding } from "../../lib/trace/files/text-encoding.js";

const refuse = (encoding: string): never => {
  throw new Error(encoding);
};

async function decoded(bytes: Buffer, chunkBytes: number): Promise<string> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const parts: Buffer[] = [];
  for await (const part of asUtf8(chunks(), refuse)) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

describe("the encoding of a text", () => {
  it("is told by its mark, or by the zero bytes that ASCII has in UTF-16", () => {
    const wide = Buffer.from('{"a": 1, "b": "é"}\n', "utf16le");
    expect(wideEncoding(wide)).toBe("utf-16le");
    expect(wideEncoding(Buffer.from(wide).swap16())).toBe("utf-16be");
    expect(wideEncoding(Buffer.from("fffe", "hex"))).toBe("utf-16le");
    expect(wideEncoding(Buffer.from("feff", "hex"))).toBe("utf-16be");
    expect(wideEncoding(Buffer.from("fffe0000", "hex"))).toBe("utf-32");
    for (const text of ["", "a", '{"a": 1}', "\0\0\0\0\0\0", "日本日本", "\ufeff{}"])
      expect(wideEncoding(Buffer.from(text)), text).toBeUndefined();
  });

  it("makes no difference to what is read, however the text falls on chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme" }),
        fc.integer({ min: 4, max: 9 }),
        async (tail, size) => {
          const text = `{"a": 1}\n${tail}`;
          const marked = Buffer.from(`\ufeff${text}`, "utf16le");
          expect(await decoded(marked, size)).toBe(text);
          expect(await decoded(Buffer.from(marked).swap16(), size)).toBe(text);
          expect(await decoded(Buffer.from(text), size)).toBe(text);
        },
      ),
    );
  });
});
