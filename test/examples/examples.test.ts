import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromRoot } from "../cli/run-cli.js";
import { exportedEntries } from "../package/install-package.js";
import { examplePath, exportedValues, runnableExample, typeProblems } from "./collect-examples.js";

// Every entry's examples are checked; those of the package itself and of its survival statistics must be there.
const values = exportedValues(exportedEntries());
const examples = new Map(
  values.flatMap(({ name, where, examples: texts }) =>
    texts.map((text, at) => [texts.length > 1 ? `${name}-${at + 1}` : name, { where, text }]),
  ),
);

// Below the root, so that they import the package by its name.
mkdirSync(fromRoot("out"), { recursive: true });
const folder = mkdtempSync(fromRoot("out", "examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the examples in doc comments", () => {
  it("are there for every function, class and constant that the package exports", () => {
    const demanded = values.filter(({ entries }) => entries.includes("") || entries.includes("/survival"));
    console.log(`${demanded.length} exported values, ${examples.size} examples`);
    const without = demanded.filter(({ examples: texts }) => texts.length === 0);
    expect(without.map(({ name, where }) => `${name} (${where})`)).toEqual([]);
  });

  it("use what they are examples of, and show a value", () => {
    const idle = [...examples].filter(
      ([name, { text }]) => !text.includes(name.replace(/-\d+$/, "")) || !/\/\/ → /.test(text),
    );
    expect(idle.map(([name, { where }]) => `${name} (${where})`)).toEqual([]);
  });

  it("are typed, strictly", () => {
    expect(typeProblems(new Map([...examples].map(([name, { text }]) => [name, text])))).toEqual([]);
  });

  it("run, and give the values that they show", () => {
    const promised = new Map<string, string[]>();
    for (const [name, { text }] of examples) {
      const { code, shown } = runnableExample(text);
      writeFileSync(examplePath(folder, name), code);
      promised.set(
        name,
        shown.map(({ source, promised: value }) => `${source} // → ${value}`),
      );
    }
    const files = [...examples.keys()].map((name) => examplePath(folder, name));
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [fromRoot("test", "examples", "run-examples.mjs"), ...files],
      { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 },
    );
    expect(stderr).toBe("");
    const ran = JSON.parse(stdout) as { file: string; values: string[]; error: string | null }[];
    const wrong = ran.flatMap(({ file, values: given, error }) => {
      const name = basename(file, ".mjs");
      const { where, text } = examples.get(name) ?? { where: "", text: "" };
      const { shown } = runnableExample(text);
      if (error !== null) return [`${name} (${where}) threw ${error}`];
      return shown.flatMap(({ source, promised: value }, at) =>
        given[at] === value ? [] : [`${name} (${where}): ${source} is ${given[at]}, and not ${value}`],
      );
    });
    expect(wrong).toEqual([]);
  }, 300_000);
});
