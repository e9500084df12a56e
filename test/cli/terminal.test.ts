import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { visible, visibleLine } from "../../lib/cli/terminal.js";
import { fromRoot } from "./run-cli.js";

describe("visible text", () => {
  it("keeps what people read, and line ends and tabs", () => {
    const text = "a\tb\nc: é 日本 😀 – ≥ \\u001b";
    expect(visible(text)).toBe(text);
    expect(visibleLine("a\tb\nc")).toBe("a\\u0009b\\u000ac");
  });

  it("shows what a terminal acts on, half characters and what reorders text as numbers", () => {
    expect(visible("\u001b[2J\u0007\r\u009b\u202e\ufeff\ud800\u{e0041}")).toBe(
      "\\u001b[2J\\u0007\\u000d\\u009b\\u202e\\ufeff\\ud800\\udb40\\udc41",
    );
  });

  it("means the same where it is JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
        const written = visible(JSON.stringify({ value, text }));
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify({ value, text })));
      }),
    );
  });
});

it("the command line prints through it alone", () => {
  const files = readdirSync(fromRoot("lib", "cli"), { recursive: true }).map(String);
  for (const file of files.filter((name) => name.endsWith(".ts") && name !== "terminal.ts"))
    expect(readFileSync(join(fromRoot("lib", "cli"), file), "utf8"), file).not.toMatch(
      /process\.std(out|err)\.write\((?!"\\r\\x1b\[K"|`\\r\\x1b\[K)|console\.(log|error|warn)/,
    );
});
