import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { refuseOverwrite } from "../../lib/cli/refuse-overwrite.js";
import { lines, row } from "./rows.js";
import { runCli } from "./run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab overwrite "));
afterAll(() => rmSync(dir, { recursive: true }));

const trace = join(dir, "trace.jsonl");
writeFileSync(trace, lines(row()));

describe("refuseOverwrite", () => {
  it("refuses an input under its own path, another spelling, a symbolic link and a hard link", () => {
    const [symbolic, hard] = [join(dir, "symbolic"), join(dir, "hard")];
    symlinkSync(trace, symbolic);
    linkSync(trace, hard);
    for (const out of [trace, `${dir}/./trace.jsonl`, symbolic, hard]) {
      expect(() => refuseOverwrite(out, [join(dir, "none"), trace])).toThrow(InputError);
      expect(() => refuseOverwrite(out, [trace])).toThrow(`${out}: is the same file as the input ${trace}`);
    }
  });

  it("refuses a file of an input folder, and lets a new file there be", () => {
    const folder = join(dir, "conversations");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.json"), "{}");
    expect(() => refuseOverwrite(join(folder, "a.json"), [folder])).toThrow(/lies in the input folder/);
    expect(() => refuseOverwrite(join(folder, "b.jsonl"), [folder])).not.toThrow();
  });

  it("lets other files, devices and no output be", () => {
    const other = join(dir, "other.jsonl");
    writeFileSync(other, "");
    for (const out of [undefined, other, join(dir, "new.jsonl")])
      expect(() => refuseOverwrite(out, [trace])).not.toThrow();
    expect(() => refuseOverwrite("/dev/null", ["/dev/null"])).not.toThrow();
  });
});

describe("commands that read and write files", () => {
  const results = join(dir, "results.jsonl");
  linkSync(trace, results);
  linkSync(trace, join(dir, "run.csv"));
  const figure = join(dir, "cache-effect.json");
  linkSync(trace, figure);
  it.each([
    ["export", ["export", "--format", "csv", trace, "--out", trace]],
    ["fit", ["fit", trace, "--out", trace]],
    ["import", ["import", "--format", "mooncake", trace, "--out", trace]],
    [
      "import, its companion",
      ["import", "--format", "blis", join(dir, "none.csv"), "--companion", trace, "--out", trace],
    ],
    [
      "import, the file that its header belongs to",
      ["import", "--format", "blis", join(dir, "run.yaml"), "--out", join(dir, "run.csv")],
    ],
    ["sweep", ["sweep", results, "--profile", "h200-qwen3-8b", "--vary", "seed=1..2", "--out-dir", dir]],
    ["figure", ["figure", "--real", figure, "--out-dir", dir]],
  ])("%s: refused with exit code 2, and the input is as it was", (_, args) => {
    const before = readFileSync(trace, "utf8");
    const { status, stderr } = runCli(args);
    expect(stderr).toMatch(/is the same file as the input/);
    expect(status).toBe(2);
    expect(readFileSync(trace, "utf8")).toBe(before);
  });
});
