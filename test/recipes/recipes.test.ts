import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromRoot } from "../cli/run-cli.js";
import { applyEdit, readRecipes } from "./read-recipes.js";

const recipes = readRecipes();
const copy = join(mkdtempSync(join(tmpdir(), "prefixlab-recipes-")), "checkout");
afterAll(() => rmSync(dirname(copy), { recursive: true, force: true }));

/** The checkout as far as it is compiled, linted and tested. */
beforeAll(() => {
  for (const part of [
    "lib",
    "test",
    "package.json",
    "tsconfig.json",
    "vitest.config.ts",
    "biome.json",
    ".dependency-cruiser.cjs",
    "typedoc.json",
  ])
    cpSync(fromRoot(part), join(copy, part), { recursive: true });
  for (const part of ["node_modules", "data", "dist"]) symlinkSync(fromRoot(part), join(copy, part));
  // What biome and git see is the copy alone.
  rmSync(join(copy, "test", "recipes"), { recursive: true });
});

/** Runs a tool of the checkout in the copy; what it printed, where it failed. */
function complaint(tool: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fromRoot("node_modules", tool), ...args], {
    cwd: copy,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", VITEST: undefined, VITEST_POOL_ID: undefined },
  });
  return status === 0 ? "" : stdout + stderr || `exit code ${status}`;
}

describe("the recipes of CONTRIBUTING.md", () => {
  it("are there for an importer, an eviction policy, a router, a latency model and a chart", () => {
    expect(recipes.map(({ title }) => title).sort()).toEqual(
      ["A chart", "A latency model", "A router", "An eviction policy", "An importer"].sort(),
    );
  });

  it.each(recipes.map((recipe) => [recipe.title, recipe.steps] as const))(
    "%s: one file, its rows, one test",
    (_, steps) => {
      const files = steps.filter(({ kind }) => kind === "file").map(({ path }) => path);
      expect(files.filter((path) => path.startsWith("lib/"))).toHaveLength(1);
      expect(files.filter((path) => path.startsWith("test/")).length).toBeGreaterThan(0);
      for (const { path, kind, text } of steps) {
        const target = join(copy, path);
        expect(existsSync(target), path).toBe(kind === "edit");
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, kind === "edit" ? applyEdit(readFileSync(target, "utf8"), text) : text);
        if (kind === "edit")
          expect(text.split("\n").filter((line) => /^[-+]/.test(line)).length).toBeLessThan(7);
      }
    },
  );

  const added = recipes
    .flatMap(({ steps }) => steps.map(({ path }) => path))
    .filter((path) => path.endsWith(".ts"));
  const tests = added.filter((path) => path.endsWith(".test.ts"));

  it("compile, and keep to the format, the lint rules and the room rules", () => {
    const config = {
      extends: "./test/tsconfig.json",
      compilerOptions: { rootDir: "." },
      include: ["lib", ...tests],
    };
    writeFileSync(join(copy, "recipes.tsconfig.json"), JSON.stringify(config));
    expect(complaint("typescript/bin/tsc", "-p", "recipes.tsconfig.json")).toBe("");
    expect(complaint("@biomejs/biome/bin/biome", "check", "--error-on-warnings", ...added)).toBe("");
    expect(
      complaint("dependency-cruiser/bin/dependency-cruise.mjs", "lib", "--config", ".dependency-cruiser.cjs"),
    ).toBe("");
  }, 300_000);

  it("pass their tests", () => {
    expect(complaint("vitest/vitest.mjs", "run", "test/trace/importers.test.ts", ...tests)).toBe("");
  }, 300_000);
});
