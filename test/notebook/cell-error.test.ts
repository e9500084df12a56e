import { describe, expect, it } from "vitest";
import { compileError, runtimeError } from "../../lib/notebook/cell-error.js";
import { locateLine } from "../../lib/notebook/locate-line.js";

const source = [
  "import { quantile } from 'prefixlab';",
  "const values: number[] = [1, 2, 3];",
  "function median(list: number[]): number {",
  "  return quantile(list, 5) as number;",
  "}",
  "const found = median(values);",
].join("\n");

describe("locateLine", () => {
  it.each([
    ["    return (0, prefixlab_1.quantile)(list, 5);", 4],
    ["exports.found = median(exports.values);", 6],
    ["exports.values = [1, 2, 3];", 2],
    ["function median(list) {", 3],
  ])("finds the line behind %s", (compiled, line) => expect(locateLine(source, compiled)).toBe(line));

  it("finds nothing for a line that is like none", () => {
    expect(locateLine(source, "}")).toBeUndefined();
    expect(locateLine(source, "Object.defineProperty(other, thing)")).toBeUndefined();
  });
});

describe("runtimeError", () => {
  const cell = {
    source,
    compiled: "\n    return (0, prefixlab_1.quantile)(list, 5);",
    frameName: "cell-7.ts",
  };

  it("names the line in the cell and shows the code around it, with paths from the folder", () => {
    const error = new RangeError("p is out of range");
    error.stack = [
      "RangeError: p is out of range",
      "    at check (file:///home/me/lab/dist/base/errors.js:4:9)",
      "    at median (cell-7.ts:2:12)",
      "    at execute (/home/me/lab/node_modules/tslab/dist/executor.js:1:1)",
    ].join("\n");
    const { line, traceback } = runtimeError(error, cell, "/home/me/lab/notebooks");
    expect(line).toBe(4);
    expect(traceback.slice(0, 3)).toEqual([
      "RangeError: p is out of range",
      "    at check (../dist/base/errors.js:4:9)",
      "    at line 4 of the cell",
    ]);
    expect(traceback.join("\n")).toContain("----> 4    return quantile(list, 5) as number;");
    expect(traceback.join("\n")).not.toContain("tslab");
  });

  it("takes whatever is thrown", () => {
    expect(runtimeError("boom", cell, "/").traceback).toEqual(["thrown: boom"]);
    expect(runtimeError(undefined, cell, "/").message).toBe("undefined");
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
