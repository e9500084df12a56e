import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { notebookOf, scratchFolder } from "./sample-notebook.js";

const cli = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");
const scratch = scratchFolder();
afterAll(() => scratch.remove());

const prefixlab = (...args: string[]) =>
  spawnSync(process.execPath, [cli, "notebook", ...args], { encoding: "utf8" });

describe("prefixlab notebook run", () => {
  it("names the cell, the line and the reason of a failure, and exits 1", () => {
    const file = scratch.write(
      "bad.ipynb",
      notebookOf("const a: number = 1;", "const b = a;\nthrow new Error('too far');"),
    );
    const { status, stderr, stdout } = prefixlab("run", file);
    expect(status).toBe(1);
    expect(stderr).toContain("cell 2, line 2");
    expect(stderr).toContain("Error: too far");
    expect(stdout).toBe("");
  });

  it("prints one JSON document with --json, and leaves the file with --out-dir", () => {
    const file = scratch.write("good.ipynb", notebookOf("console.log(1 + 1)"));
    const { status, stdout } = prefixlab("run", file, "--json", "--out-dir", join(scratch.dir, "done"));
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ ok: true, code_cells: 1 }]);
    expect(existsSync(join(scratch.dir, "done", "good.ipynb"))).toBe(true);
  });

  it("exits 2 for a file that is not there and for a bad flag", () => {
    expect(prefixlab("run", join(scratch.dir, "none.ipynb")).status).toBe(2);
    expect(prefixlab("run", "--timeout", "soon").status).toBe(2);
  });
});

describe("prefixlab notebook kernel", () => {
  it("registers the kernel in a folder and says how Jupyter finds it", () => {
    const { status, stdout } = prefixlab("kernel", "--dir", scratch.dir);
    expect(status).toBe(0);
    expect(stdout).toContain(`JUPYTER_PATH=${scratch.dir}`);
    expect(existsSync(join(scratch.dir, "kernels", "prefixlab", "kernel.json"))).toBe(true);
    const extension = join(scratch.dir, "labextensions", "prefixlab-figures");
    const { jupyterlab } = JSON.parse(readFileSync(join(extension, "package.json"), "utf8"));
    for (const file of [jupyterlab._build.load, "static/plotly-basic.min.js", "static/plotly.js"])
      expect(existsSync(join(extension, file))).toBe(true);
  });
});

describe("prefixlab notebook student", () => {
  it("writes the copy beside the notebook", () => {
    const file = scratch.write("lesson.ipynb", notebookOf("1"));
    expect(prefixlab("student", file).status).toBe(0);
    expect(existsSync(join(scratch.dir, "student", "lesson.ipynb"))).toBe(true);
  });
});
