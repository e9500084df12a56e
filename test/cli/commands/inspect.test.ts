import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lines, row } from "../rows.js";
import { fromRoot, runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab-inspect-"));
afterAll(() => rmSync(dir, { recursive: true }));

describe("prefixlab inspect", () => {
  it("sums up why tokens were computed, with the numbers of explain", () => {
    const clock = fromRoot("data", "planted-faults", "clock.jsonl.gz");
    expect(runCli(["inspect", clock]).stdout).toContain(
      "misses: 93 % diverged (a clock or an id in the system prompt?), 6 % first use, 1 % block tail",
    );
    const { misses } = JSON.parse(runCli(["inspect", clock, "--json"]).stdout);
    const explained = JSON.parse(runCli(["explain", clock, "--json"]).stdout);
    expect(misses).toMatchObject({ requests: 32, of_requests: 32, cached_tokens: explained.cached_tokens });
    for (const [cause, { tokens }] of Object.entries<{ tokens: number }>(explained.causes))
      expect(misses.causes[cause]).toBe(tokens);
  });

  it("says nothing of misses where a trace does not tell what was found", () => {
    const path = join(dir, "untold.jsonl");
    writeFileSync(path, lines(row({ cached_tokens: undefined }), row({ cached_tokens: undefined })));
    expect(JSON.parse(runCli(["inspect", path, "--json"]).stdout).misses).toBeNull();
    expect(runCli(["inspect", path]).stdout).not.toContain("misses");
  });

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

  it("has no rate of requests that all arrive at one time, and says so", () => {
    const path = join(dir, "at-once.jsonl");
    writeFileSync(path, lines(row(), row(), row()));
    expect(runCli(["inspect", path]).stdout).toMatch(/^ {2}all arrive at one time: no rate/m);
    expect(JSON.parse(runCli(["inspect", path, "--json"]).stdout)).toMatchObject({
      duration_s: 0,
      rate_per_s: null,
    });
  });

  it("streams medians of few rows within 0.1 % of the whole's, and what the import assumed", () => {
    const path = join(dir, "few.jsonl");
    const assumptions = ["answers are one token"];
    const rows = [40, 400, 4000, 70_000].map((tokens, i) =>
      row({ prompt_tokens: tokens, arrival_ms: i, ttft_ms: tokens, block_hashes: undefined }),
    );
    writeFileSync(path, lines(JSON.stringify({ meta: { assumptions } }), ...rows));
    const [whole, streamed] = [[], ["--stream"]].map((flags) =>
      JSON.parse(runCli(["inspect", path, ...flags, "--json"]).stdout),
    );
    expect([whole.assumptions, streamed.assumptions]).toEqual([assumptions, assumptions]);
    expect(whole.ranges.prompt_tokens.p50).toBe(2200);
    expect(Math.abs(streamed.ranges.prompt_tokens.p50 / 2200 - 1)).toBeLessThanOrEqual(0.001);
    expect(Math.abs(streamed.cohorts.all.ttft_ms.p50 / 2200 - 1)).toBeLessThanOrEqual(0.001);
    expect(runCli(["inspect", path, "--stream"]).stdout).toContain("  assumed: answers are one token\n");
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
