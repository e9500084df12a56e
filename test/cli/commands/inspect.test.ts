import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromRoot, runCli } from "../run-cli.js";

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
});
