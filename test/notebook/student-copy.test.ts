import { describe, expect, it } from "vitest";
import { formatNotebook, type Notebook, parseNotebook, studentCopy } from "../../lib/notebook/index.js";

const source: Notebook = {
  cells: [
    { cellType: "markdown", id: "q", source: "Exercise 1", metadata: {} },
    {
      cellType: "code",
      id: "a",
      source: "1 + 1",
      metadata: { tags: ["solution"] },
      executionCount: 2,
      outputs: [],
    },
    { cellType: "markdown", id: "w", source: "Because.", metadata: { tags: ["solution"] } },
    { cellType: "code", id: "o", source: "check()", metadata: { tags: ["solutions-only"] }, outputs: [] },
    {
      cellType: "code",
      id: "k",
      source: "kept()",
      metadata: {},
      executionCount: 3,
      outputs: [{ output_type: "stream", name: "stdout", text: "x" }],
    },
  ],
  metadata: { kernelspec: { name: "prefixlab" } },
};

describe("studentCopy", () => {
  const copy = studentCopy(source);

  it("empties what is tagged solution, leaves out what only solutions have, and keeps the rest", () => {
    expect(copy.cells.map((cell) => cell.source)).toEqual([
      "Exercise 1",
      "// Your answer.\n",
      "*Your answer.*",
      "kept()",
    ]);
  });

  it("holds no outputs and no counts", () => {
    expect(
      copy.cells.every(({ outputs, executionCount }) => !outputs?.length && executionCount === undefined),
    ).toBe(true);
  });

  it("is the same when it is made from itself", () => {
    const again = studentCopy(parseNotebook(formatNotebook(copy), "copy"));
    expect(formatNotebook(again)).toBe(formatNotebook(copy));
  });
});
