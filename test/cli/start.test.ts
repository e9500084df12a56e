import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromRoot } from "./run-cli.js";

/** Files of code that a command opens, as Node's coverage lists them. */
function loadedBy(...args: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-start-"));
  try {
    const { status } = spawnSync(process.execPath, [fromRoot("dist", "cli", "main.js"), ...args], {
      env: { ...process.env, NODE_V8_COVERAGE: folder },
    });
    expect(status).toBe(0);
    const reports = readdirSync(folder).map(
      (name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as { result: { url: string }[] },
    );
    return reports.flatMap(({ result }) =>
      result.map(({ url }) => url).filter((url) => url.startsWith("file:")),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Packages among files of code. */
function packagesOf(files: readonly string[]): string[] {
  const names = files.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return [...new Set(names)].sort();
}

describe("what a command loads before it works", () => {
  it("is the parser of arguments and little else where help is asked for", () => {
    const files = loadedBy("--help");
    expect(packagesOf(files)).toEqual(["commander"]);
    expect(files.length).toBeLessThan(20);
  });

  it("is a few files, and no package that this trace does not need, where a trace is inspected", () => {
    const files = loadedBy("inspect", fromRoot("data", "warm-1.jsonl.gz"));
    expect(packagesOf(files)).toEqual(["commander", "seedrandom"]);
    expect(files.length).toBeLessThan(60);
  });

  it("leaves servers, databases, drawing and threads to the commands that go on to use them", () => {
    for (const command of ["figure", "serve", "sql", "sweep"])
      expect(packagesOf(loadedBy(command, "--help")).filter((name) => name !== "seedrandom")).toEqual([
        "commander",
      ]);
  });
});
