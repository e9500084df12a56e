import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseParser } from "../../../lib/capture/wire/sse-parser.js";

function parse(parts: readonly Buffer[]): string[] {
  const parser = new SseParser();
  const events: string[] = [];
  for (const part of parts) parser.push(part, (data) => events.push(data));
  return events;
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe("SseParser", () => {
  it("gives the same events however the bytes are cut, also inside characters and line ends", () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n]/g, ""));
    fc.assert(
      fc.property(
        fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(), { maxLength: 12 }),
        (events, end, places) => {
          const text = events
            .map((lines) => `${lines.map((l) => `data: ${l}${end}`).join("")}${end}`)
            .join("");
          // What follows a lone CR decides whether it was half of a CR LF: a comment line settles it.
          const parts = cut(Buffer.from(`${text}:end${end}${end}`), places);
          expect(parse(parts)).toEqual(events.map((lines) => lines.join("\n")));
        },
      ),
    );
  });

  it("skips comments and other fields, and takes data with or without a space after the colon", () => {
    const text = ": ping\n\nevent: x\nid: 7\ndata:a\ndata:  b\ndatum: c\ndata\n\nretry: 3\n\n";
    expect(parse([Buffer.from(text)])).toEqual(["a\n b\n"]);
  });

  it("holds back an event whose blank line has not come", () => {
    expect(parse([Buffer.from("data: a\n")])).toEqual([]);
  });
});
