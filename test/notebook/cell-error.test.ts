import { describe, expect, it } from "vitest";
import { compileError, type FrameSources, runtimeError } from "../../lib/notebook/cell-error.js";

const source = [
  "import { quantile } from 'prefixlab';",
  "const values: number[] = [1, 2, 3];",
  "function median(list: number[]): number {",
  "  return quantile(list, 5) as number;",
  "}",
  "const found = median(values);",
].join("\n");

describe("runtimeError", () => {
  const sources: FrameSources = {
    cellSource: (cell) => (cell === 7 ? source : undefined),
    cellLine: (cell, line) => (cell === 7 ? line + 2 : undefined),
    fileLine: (path, line) => (path === "/home/me/lab/notebooks/mine.js" ? line + 10 : undefined),
  };

  it("names the line in the cell and shows the code around it, with paths from the folder", () => {
    const error = new RangeError("p is out of range");
    error.stack = [
      "RangeError: p is out of range",
      "    at check (file:///home/me/lab/dist/base/errors.js:4:9)",
      "    at mine (/home/me/lab/notebooks/mine.js:3:9)",
      "    at median (cell-7.ts:2:12)",
      "    at execute (/home/me/lab/node_modules/tslab/dist/executor.js:1:1)",
    ].join("\n");
    const { line, traceback } = runtimeError(error, 7, sources, "/home/me/lab/notebooks");
    expect(line).toBe(4);
    expect(traceback.slice(0, 4)).toEqual([
      "RangeError: p is out of range",
      "    at check (../dist/base/errors.js:4:9)",
      "    at mine (mine.ts:13)",
      "    at line 4 of the cell",
    ]);
    expect(traceback.join("\n")).toContain("----> 4    return quantile(list, 5) as number;");
    expect(traceback.join("\n")).not.toContain("tslab");
  });

  it("takes whatever is thrown", () => {
    expect(runtimeError("boom", 7, sources, "/").traceback).toEqual(["thrown: boom"]);
    expect(runtimeError(undefined, 7, sources, "/").message).toBe("undefined");
  });
});

describe("compileError", () => {
  it("lists every complaint with its place and marks the line", () => {
    const { name, line, traceback } = compileError(source, [
      { line: 2, column: 7, message: "Type mismatch." },
    ]);
    expect([name, line, traceback[0]]).toEqual(["TypeScript", 2, "2:7 Type mismatch."]);
    expect(traceback.join("\n")).toContain("----> 2  const values");
  });
});
