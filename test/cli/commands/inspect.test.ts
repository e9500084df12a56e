import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lines, row } from "../rows.js";
import { fromRoot, runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab-inspect-"));
afterAll(() => rmSync(dir, { recursive: true }));

describe("prefixlab inspect", () => {
  it("claims no bound on the cache: answers come from it too, and are not counted as findable", () => {
    const { stdout } = runCli(["inspect", fromRoot("data", "served-h200-1.jsonl.gz")]);
    const inPrompts = /; ([\d.]+) % of them were in an earlier prompt, answers not counted/.exec(stdout);
    const recorded = /recorded: ([\d.]+) % of prompt tokens came from the cache/.exec(stdout);
    expect(Number(recorded?.[1])).toBeGreaterThan(Number(inPrompts?.[1]));
    expect(stdout).not.toContain("unbounded");
  });

  it("prints the span of arrivals that the table of captures gives, to the second", () => {
    const table = readFileSync(fromRoot("data", "README.md"), "utf8");
    const rows = [...table.matchAll(/^\| (\S+\.jsonl\.gz) \|.* \| (\d+) s \|$/gm)];
    expect(rows.length).toBeGreaterThan(20);
    const shown = rows.map(([, file]) => {
      const { stdout } = runCli(["inspect", fromRoot("data", file as string), "--json"]);
      return [file, String(Math.round((JSON.parse(stdout) as { duration_s: number }).duration_s))];
    });
    expect(rows.map(([, file, seconds]) => [file, seconds])).toEqual(shown);
  });

  it("says where a capture looks like a closed loop and does not tell", () => {
    const write = (name: string, meta: string, gapMs: number) => {
      const path = join(dir, name);
      const rows = Array.from({ length: 40 }, (_, i) =>
        row({ arrival_ms: i * (30 + gapMs), concurrency: 1 }),
      );
      writeFileSync(path, meta + lines(...rows));
      return path;
    };
    const doubtful = write("doubtful.jsonl", "", 0.5);
    expect(runCli(["inspect", doubtful]).stdout).toContain(
      "  looks like 1 at a time: each request followed the end of another at once; replay it with --max-concurrency 1\n",
    );
    const suspected = (path: string) =>
      JSON.parse(runCli(["inspect", path, "--json"]).stdout).suspected_max_concurrency;
    expect(suspected(doubtful)).toBe(1);
    const told = write("told.jsonl", lines('{"meta": {"max_concurrency": 1}}'), 0.5);
    for (const sound of [told, write("slow.jsonl", "", 30)]) {
      expect(suspected(sound)).toBeNull();
      expect(runCli(["inspect", sound]).stdout).not.toContain("at a time");
    }
  });
});
