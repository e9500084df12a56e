import { afterAll, describe, expect, it } from "vitest";
import { createCellExecutor } from "../../lib/notebook/cell-executor.js";

const shown: string[] = [];
const executor = createCellExecutor(process.cwd(), ({ data }) => shown.push(...Object.keys(data)));
afterAll(() => executor.close());
let count = 0;
const run = (...lines: string[]) => executor.execute(lines.join("\n"), ++count);

/** The plain text of the value that a cell ends with. */
async function shownBy(...lines: string[]): Promise<string | undefined> {
  const result = await run(...lines);
  if (!result.ok) throw new Error(result.error.traceback.join("\n"));
  return result.value && String(result.value.data["text/plain"]);
}

async function errorOf(...lines: string[]) {
  const result = await run(...lines);
  if (result.ok) throw new Error("the cell did not fail");
  return result.error;
}

describe("the variables of cells", () => {
  it("are one each for a function of an earlier cell and for later cells, whoever writes", async () => {
    await run("let n: number = 0;", "function up() { n++; return n; }", "const half = () => n / 2;");
    await run("up(); n = 10; up();");
    expect(await shownBy("[n, half()]")).toBe("[ 11, 5.5 ]");
  });

  it("change after the cell's end where a callback changes them", async () => {
    await run("let done = false;", "setTimeout(() => { done = true; }, 20);");
    expect(await shownBy("await new Promise((resolve) => setTimeout(resolve, 60));", "done")).toBe("true");
  });

  it("hold what the cell's loops left, in every kind of declaration", async () => {
    await run(
      "let sum = 0;",
      "for (let i = 0; i < 5; i++) sum += i;",
      "const { a, b: [c] } = { a: 1, b: [2] };",
      "var v = 3;",
      "enum E { First = 4 }",
      "class K { static made = 5; }",
      "import { sep as slash } from 'node:path';",
      "import * as path from 'node:path';",
    );
    await run("sum += 0.5; v++;");
    expect(await shownBy("JSON.stringify([sum, a, c, v, E.First, K.made, slash, path.sep])")).toBe(
      '[10.5,1,2,4,4,5,"/","/"]',
    );
  });

  it("stay as they were where a cell fails, declarations of the same name included", async () => {
    await run("const kept = 'first';");
    await errorOf("const kept = 2;", "throw new Error('no');");
    expect(await shownBy("kept.length")).toBe("5");
  });

  it("may be declared anew with another type", async () => {
    await run("const again = 1;");
    await run("const again = 'text';");
    expect(await shownBy("again.toUpperCase()")).toBe("TEXT");
  });
});

describe("the error of a cell", () => {
  it("shows the source's line of a function of an earlier cell, and of the cell that called it", async () => {
    await run(
      "interface Limits { low: number }",
      "type Both = Limits | undefined;",
      "",
      "function check(limits: Limits): number {",
      "  if (limits.low < 1)",
      "    throw new RangeError('too low');",
      "  return limits.low;",
      "}",
    );
    const cell = count;
    const error = await errorOf("type Low = number;", "const low: Low = 0;", "check({ low });");
    expect(error).toMatchObject({ name: "RangeError", line: 3 });
    expect(error.traceback).toEqual([
      "RangeError: too low",
      `    at check (cell ${cell}, line 6)`,
      "      4  function check(limits: Limits): number {",
      "      5    if (limits.low < 1)",
      "----> 6      throw new RangeError('too low');",
      "      7    return limits.low;",
      "      8  }",
      "    at line 3 of the cell",
      "      1  type Low = number;",
      "      2  const low: Low = 0;",
      "----> 3  check({ low });",
    ]);
  });

  it("shows the line behind an await, inside of a callback, and of like lines the right one", async () => {
    const error = await errorOf(
      "const f = (x: number) => x;",
      "f(1);",
      "f(1);",
      "await Promise.resolve();",
      "[1].forEach((x: number) => {",
      "  f(x); if (x > 0) throw new Error('here');",
      "});",
      "f(1);",
    );
    expect(error.line).toBe(6);
  });

  it("is one of a recursion without end, with a traceback that can be read", async () => {
    const error = await errorOf("function down(): number { return 1 + down(); }", "down();");
    expect(error.message).toContain("call stack");
    expect(error.traceback.length).toBeLessThan(30);
  });
});

describe("the value that a cell ends with", () => {
  it("is a figure or a table as such", async () => {
    const figure = await run(
      "import { loadChart } from 'prefixlab';",
      "loadChart({ timesMs: [0, 1000], running: [1, 2], waiting: [0, 1] })",
    );
    expect(figure.ok && Object.keys(figure.value?.data ?? {})).toEqual([
      "application/vnd.plotly.v1+json",
      "image/png",
      "text/plain",
    ]);
  });

  it("is an outline of a result with much inside", async () => {
    const text = await shownBy(
      "import { readCapture, workloadOf, latencyProfile, replay } from 'prefixlab';",
      "const workload = workloadOf(await readCapture({ role: 'judge', scenario: 'warm', seed: 1 }));",
      "replay(workload, { model: latencyProfile('h200-qwen3-8b') })",
    );
    expect(text?.split("\n").length).toBeLessThan(30);
    expect(text?.length).toBeLessThan(3000);
    expect(text).toMatch(/records/);
  });

  it("is nothing for undefined and null, and a text as it is", async () => {
    expect(await shownBy("undefined")).toBeUndefined();
    expect(await shownBy("null")).toBeUndefined();
    expect(await shownBy("'a\\nb'")).toBe("a\nb");
  });
});

describe("completion", () => {
  const complete = (text: string) => {
    const position = text.indexOf("|");
    const source = text.replace("|", "");
    const { start, end, candidates } = executor.complete(source, position);
    return { replaced: source.slice(start, end), candidates };
  };

  it("knows the library's names in an import that has no `from` yet", () => {
    expect(complete("import { summ|").candidates).toContain("summarizeCohorts");
    expect(complete("import { summ| }\nconst x = 1;").candidates).toContain("summarizeCohorts");
    expect(complete("import { replay, summ|").replaced).toBe("summ");
    expect(complete("import { par| } from 'node:path';").candidates).toContain("parse");
    expect(complete("import { | } from 'prefixlab/survival';").candidates).toContain("kaplanMeier");
  });

  it("knows the words that a text may be, and replaces what was typed of it", () => {
    const { replaced, candidates } = complete(
      "import { readCapture } from 'prefixlab';\nreadCapture({ role: 'ju|' })",
    );
    expect([replaced, candidates]).toEqual(["ju", ["judge"]]);
  });
});

describe("inspection", () => {
  const inspect = (text: string) => executor.inspect(text.replace("|", ""), text.indexOf("|")) ?? "";

  it("shows the fields of a function's options with their types and what they are", () => {
    const text = inspect("import { xyChart } from 'prefixlab';\nxyCh|art");
    expect(text).toMatch(/^ {2}series: .+/m);
    expect(text).not.toContain("{@link");
  });

  it("shows the fields of a type, of a variable its type, and nothing where there is no name", () => {
    expect(inspect("interface Wide { widthPx: number }\nlet w: Wi|de;")).toContain("widthPx: number");
    expect(inspect("const answer = 42;\nans|wer")).toContain("const answer: 42");
    expect(executor.inspect("1 + 1", 2)).toBeUndefined();
  });
});

describe("isComplete", () => {
  it.each([
    ["const a = 1;", "complete"],
    ["function f() {", "incomplete"],
    ["const a = = 1;", "invalid"],
  ])("says of %s that it is %s", (source, status) => expect(executor.isComplete(source).status).toBe(status));
});
