import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readVerdicts } from "../../lib/course/index.js";
import { exerciseDigests, formatNotebook, isTagged, studentCopy } from "../../lib/notebook/index.js";
import { notebooks, notebooksDir } from "./read-notebooks.js";

const longestCell = 6;
const widestLine = 120;

it("the notebooks are numbered in reading order, and the reading guide lists each", () => {
  expect(notebooks.map(({ name }) => Number(name.slice(0, 2)))).toEqual(notebooks.map((_, at) => at + 1));
  const guide = readFileSync(join(notebooksDir, "README.md"), "utf8");
  expect([...guide.matchAll(/^\| \d+ \| \[[^\]]+\]\(([^)]+)\)/gm)].map(([, name]) => name)).toEqual(
    notebooks.map(({ name }) => name),
  );
});

/** Headings and exercises of the notebooks, as the guide names them. */
it("the reading guide's six questions name headings and exercises that exist", () => {
  const guide = readFileSync(join(notebooksDir, "README.md"), "utf8");
  const rows = (guide.split("## Six questions")[1] ?? "").split("\n## ")[0]?.match(/^\| .*\?.*\|$/gm) ?? [];
  expect(rows).toHaveLength(6);
  const texts = new Map(
    notebooks.map(({ name, notebook }) => [name, notebook.cells.map((c) => c.source).join("\n")]),
  );
  for (const row of rows) {
    const [, , taught, exercises] = row.split("|") as [string, string, string, string];
    for (const [, name, after] of taught.matchAll(/\(([^)]+\.ipynb)\)([^[]*)/g))
      for (const [, heading] of (after as string).matchAll(/\*([^*]+)\*/g))
        expect(texts.get(name as string), `${name}: ${heading}`).toContain(`\n## ${heading}\n`);
    for (const exercise of exercises.trim().split(", ")) {
      const [number, k] = exercise.split(".");
      const name = notebooks[Number(number) - 1]?.name as string;
      expect(texts.get(name), exercise).toContain(`### Exercise ${k}\n`);
    }
  }
});

describe.each(notebooks)("$name", ({ name, file, notebook }) => {
  const { cells } = notebook;
  const code = cells.filter(({ cellType }) => cellType === "code");
  const prose = cells.filter(({ cellType }) => cellType === "markdown");
  const text = prose.map(({ source }) => source).join("\n");

  it(`has no code cell of more than ${longestCell} lines, nor a line of more than ${widestLine} characters`, () => {
    for (const { id, source } of code) {
      const lines = source.split("\n").filter((line) => line.trim() !== "");
      expect(lines.length, id).toBeLessThanOrEqual(longestCell);
      for (const line of lines) expect(line.length, `${id}: ${line}`).toBeLessThanOrEqual(widestLine);
    }
  });

  it("has prose before every code cell", () => {
    cells.forEach((cell, at) => {
      if (cell.cellType === "code") expect(cells[at - 1]?.cellType, cell.id).toBe("markdown");
    });
  });

  it("has three learning goals and an exercise for each, with a solution", () => {
    expect(cells[0]?.source.match(/^\d\. /gm)).toHaveLength(3);
    expect(text.match(/^### Exercise \d/gm)).toEqual(["### Exercise 1", "### Exercise 2", "### Exercise 3"]);
    expect(code.filter((cell) => isTagged(cell, "solution")).length).toBeGreaterThanOrEqual(3);
  });

  it("asks for a prediction before it shows, and folds what came of it", () => {
    expect(text.match(/\*\*Predict before you run/g)?.length).toBe(
      text.match(/<summary>What came of it</g)?.length,
    );
  });

  it("checks the answer to each exercise without telling it, and finds that of its solution right", () => {
    const number = Number(name.slice(0, 2));
    const digests = exerciseDigests(notebook);
    expect(Object.keys(digests)).toEqual([1, 2, 3].map((exercise) => `${number}.${exercise}`));
    const printed = code.flatMap(({ outputs = [] }) => outputs.map((o) => ("text" in o ? o.text : "")));
    expect(Object.values(readVerdicts(printed.join("\n"), digests))).toEqual(["right", "right", "right"]);
    expect(text.match(/<summary>Hint</g)).toHaveLength(3);
  });

  it("names its sources and ends with cells that assert its numbers, those of the solutions apart", () => {
    expect(prose.at(-1)?.source).toMatch(/^## Sources/);
    const [check, solved] = code.slice(-2);
    expect(check?.source).toMatch(/from "node:assert\/strict"/);
    for (const cell of [check, solved]) expect(cell?.source).toMatch(/assert\.(equal|deepEqual|ok)\(/);
    expect([check, solved].map((cell) => cell && isTagged(cell, "solutions-only"))).toEqual([false, true]);
  });

  it("was run from its first cell to its last, and is written as Jupyter writes", () => {
    expect(code.map(({ executionCount }) => executionCount)).toEqual(code.map((_, at) => at + 1));
    expect(
      code.every(({ outputs }) => (outputs ?? []).every((output) => output.output_type !== "error")),
    ).toBe(true);
    expect(formatNotebook(notebook)).toBe(readFileSync(file, "utf8"));
  });

  it("leaves no placeholder behind", () => {
    for (const { source } of cells) expect(source).not.toMatch(/\{\{|\}\}(?!\))(?![`;, )}])/);
  });

  it("has a student copy that is what stripping makes", () => {
    const copy = readFileSync(join(notebooksDir, "student", name), "utf8");
    expect(copy).toBe(formatNotebook(studentCopy(notebook)));
  });

  it("links only to files and headings that exist, and to nothing over plain http", () => {
    for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) {
      const [path, anchor] = (target as string).split("#") as [string, string?];
      if (/^https?:/.test(path)) {
        expect(path).toMatch(/^https:/);
        continue;
      }
      const linked = join(dirname(file), path);
      expect(existsSync(linked), target).toBe(true);
      if (anchor !== undefined) expect(headings(readFileSync(linked, "utf8"))).toContain(anchor);
    }
  });
});

/** Anchors of a Markdown file, as GitHub makes them. */
function headings(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
