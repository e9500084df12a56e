import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
// The kernel process is compiled code, so the runner is taken from there too.
import { type CellOutput, runFiles, runNotebook } from "../../dist/notebook/index.js";
import { notebookOf, scratchFolder } from "./sample-notebook.js";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const run = (notebook: ReturnType<typeof notebookOf>, cellTimeoutMs = 30_000) =>
  runNotebook({ file: `${scratch.dir}/a.ipynb`, notebook, cellTimeoutMs });
const stdout = (outputs: readonly CellOutput[] | undefined) =>
  (outputs ?? []).flatMap((output) => (output.output_type === "stream" ? [output.text] : [])).join("");

describe("runNotebook", () => {
  it("keeps variables from cell to cell, waits for promises, and loses no line of a long loop", async () => {
    const { notebook, failure } = await run(
      notebookOf(
        "import { quantile } from 'prefixlab';\nconst p: number = 0.5;",
        "const later = await new Promise<string>((resolve) => setTimeout(() => resolve('late'), 20));\nlater",
        "for (let i = 0; i < 5000; i++) console.log('line', i);",
        "const { value } = { value: quantile([1, 2, 3], p) };",
        "console.log({ p, value });",
      ),
    );
    expect(failure).toBeUndefined();
    expect(notebook.cells.map(({ executionCount }) => executionCount)).toEqual([1, 2, 3, 4, 5]);
    const [, late, loop, , last] = notebook.cells.map(({ outputs }) => stdout(outputs));
    expect(late).toBe("");
    expect(notebook.cells[1]?.outputs).toEqual([
      { output_type: "execute_result", execution_count: 2, data: { "text/plain": "late" }, metadata: {} },
    ]);
    expect(loop?.split("\n")).toHaveLength(5001);
    expect(loop?.endsWith("line 4999\n")).toBe(true);
    expect(last).toBe("{ p: 0.5, value: 2 }\n");
  });

  it("stops at a cell that throws, and says which cell, which line and why", async () => {
    const { notebook, failure } = await run(
      notebookOf(
        "import { quantile } from 'prefixlab';\nconst p = 7;\nquantile([1], p);",
        "console.log('never')",
      ),
    );
    expect(failure).toMatchObject({ cellNumber: 1, error: { name: "InputError", line: 3 } });
    expect(failure?.error.message).toContain("p must be a number from 0 to 1, got 7");
    expect(notebook.cells[0]?.outputs?.[0]).toMatchObject({ output_type: "error", ename: "InputError" });
    expect(notebook.cells[1]?.outputs).toEqual([]);
  });

  it("stops at a cell that does not compile", async () => {
    const { failure } = await run(notebookOf("const n: number = 1;\nconst s: string = n;"));
    expect(failure).toMatchObject({ cellNumber: 1, error: { name: "TypeScript", line: 2 } });
  });

  it("fails at a promise that is rejected and that nobody awaited, and says where it came from", async () => {
    const rejected = "const load = async () => {\n  throw new Error('not there');\n};\nload();";
    const { failure, notebook } = await run(notebookOf("const a = 1;", rejected, "console.log('never')"));
    expect(failure).toMatchObject({ cellNumber: 2, error: { name: "Error", line: 2 } });
    expect(failure?.error.message).toBe("not there (nobody awaited it)");
    expect(notebook.cells[1]?.outputs?.at(-1)).toMatchObject({ output_type: "error", ename: "Error" });
    for (const late of [
      "setTimeout(() => { throw new Error('late'); }, 50);",
      "setTimeout(() => Promise.reject(new Error('late')), 50);",
    ]) {
      const last = await run(notebookOf("const a = 1;", late));
      expect(last.failure).toMatchObject({ cellNumber: 2, error: { message: "late (nobody awaited it)" } });
      const wait = "await new Promise((resolve) => setTimeout(resolve, 200));";
      const between = await run(notebookOf(late, wait, "console.log('never')"));
      expect(between.failure).toMatchObject({
        cellNumber: 2,
        error: { message: "late (nobody awaited it in cell 1)" },
      });
    }
  });

  it("takes a rejection that is caught, if late, for what it is, and does not wait for a timer that stays", async () => {
    const caught = "const p = (async () => { throw new Error('x'); })(); p.catch(() => 'caught');";
    const { failure } = await run(notebookOf(caught, "setInterval(() => 0, 10);"));
    expect(failure).toBeUndefined();
  });

  it("goes on after a failing cell that is tagged raises-exception", async () => {
    const { cells, metadata } = notebookOf("throw new Error('shown');", "console.log('after')");
    const tagged = cells.map((cell, at) =>
      at === 0 ? { ...cell, metadata: { tags: ["raises-exception"] } } : cell,
    );
    const { notebook, failure } = await run({ cells: tagged, metadata });
    expect(failure).toBeUndefined();
    expect(stdout(notebook.cells[1]?.outputs)).toBe("after\n");
  });

  it("fails at the first cell after one, tagged raises-exception, that ended the process", async () => {
    for (const [ending, error, cellTimeoutMs] of [
      ["process.exit(0)", "KernelDied", 30_000],
      ["setTimeout(() => process.exit(0), 0); await new Promise(() => {});", "KernelDied", 30_000],
      ["while (true) {}", "TimeoutError", 5000],
    ] as const) {
      const { cells, metadata } = notebookOf("const a = 1;", ending, "console.log('never')");
      const tagged = cells.map((cell, at) =>
        at === 1 ? { ...cell, metadata: { tags: ["raises-exception"] } } : cell,
      );
      const { notebook, failure } = await run({ cells: tagged, metadata }, cellTimeoutMs);
      expect(notebook.cells[1]?.outputs?.at(-1)).toMatchObject({ ename: error });
      expect(failure).toMatchObject({ cellNumber: 3, error: { name: "KernelDied" } });
      expect(failure?.error.message).toContain("ended in an earlier cell");
    }
  });

  it("says what failed where an error, or a value, cannot be shown", async () => {
    for (const [source, message] of [
      ["throw Object.create(null);", "[object Object]"],
      ["throw { stack: 5, message: 7 };", "7"],
      ["({ [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('not shown'); } })", "not shown"],
    ] as const) {
      const { failure } = await run(notebookOf(source));
      expect(failure).toMatchObject({ cellNumber: 1, error: { message } });
    }
  });

  it("ends a cell that never returns at its time-out", async () => {
    const { failure } = await run(notebookOf("const ready = 1;", "while (true) {}"), 5000);
    expect(failure).toMatchObject({ cellNumber: 2, error: { name: "TimeoutError" } });
  });

  it("reports a kernel process that dies", async () => {
    const { failure } = await run(notebookOf("process.exit(3)"));
    expect(failure).toMatchObject({ cellNumber: 1, error: { name: "KernelDied" } });
  });
});

describe("runFiles", () => {
  it("writes outputs back, the same bytes the second time, and checks them without writing", async () => {
    const file = scratch.write(
      "b.ipynb",
      notebookOf(
        "import { display, loadChart, tableOf } from 'prefixlab';",
        "await display(loadChart({ timesMs: [0, 1000], running: [1, 2], waiting: [0, 1] }));",
        "await display(tableOf([{ turn: 1, ttft_ms: 36 }]));",
      ),
    );
    const options = { files: [file], cellTimeoutMs: 30_000, jobs: 1 };
    const [first] = await runFiles(options);
    expect(first).toMatchObject({ changed: true, codeCells: 3 });
    const bytes = readFileSync(file, "utf8");
    const [second] = await runFiles(options);
    expect(second?.changed).toBe(false);
    expect(readFileSync(file, "utf8")).toBe(bytes);
    const { data: bundle, metadata } = JSON.parse(bytes).cells[1].outputs[0];
    expect(metadata["image/png"]).toEqual({
      width: 760,
      height: 420,
      alt: "Requests in the engine over time. Axes: time since the start, s; requests. running. waiting.",
    });
    const { layout } = bundle["application/vnd.plotly.v1+json"];
    expect([layout.autosize, layout.width, layout.height]).toEqual([true, undefined, 420]);
    expect(Object.keys(bundle)).toEqual(["application/vnd.plotly.v1+json", "image/png", "text/plain"]);
    expect(Buffer.from(bundle["image/png"], "base64").subarray(1, 4).toString()).toBe("PNG");

    const edited = scratch.write("c.ipynb", {
      ...notebookOf("console.log(1)"),
      cells: [
        {
          ...notebookOf("console.log(1)").cells[0]!,
          outputs: [{ output_type: "stream", name: "stdout", text: "2\n" }],
        },
      ],
    });
    const before = readFileSync(edited, "utf8");
    const [checked] = await runFiles({ ...options, files: [edited], check: true });
    expect(checked?.differences).toHaveLength(1);
    expect(readFileSync(edited, "utf8")).toBe(before);
  });

  it("leaves a notebook that failed as it is", async () => {
    const file = scratch.write("d.ipynb", notebookOf("console.log(1)", "throw new Error('no')"));
    const before = readFileSync(file, "utf8");
    const [result] = await runFiles({ files: [file], cellTimeoutMs: 30_000, jobs: 1 });
    expect(result?.failure?.cellNumber).toBe(2);
    expect(readFileSync(file, "utf8")).toBe(before);
  });
});
