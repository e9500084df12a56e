import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromRoot, runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab fleet "));
afterAll(() => rmSync(dir, { recursive: true }));

const warm = fromRoot("data", "warm-1.jsonl.gz");
const base = ["fleet", warm, "--profile", "h200-qwen3-8b", "--replicas", "3"];

describe("fleet", () => {
  const run = runCli([...base, "--routers", "round-robin,sticky:ttl=300", "--json", "--out-dir", dir]);
  const document = JSON.parse(run.stdout);

  it("compares routers on the same arrivals, with intervals, and the others with the first", () => {
    expect(document).toMatchObject({ requests: 320, sessions: 64, replica_count: 3 });
    const [first, sticky] = document.routers;
    expect([first.router, sticky.router]).toEqual(["round-robin", "sticky:ttl=300"]);
    for (const { reuse, reuse_intervals: intervals } of document.routers) {
      expect(intervals.delivered[0]).toBeLessThan(reuse.delivered);
      expect(reuse.offered - reuse.lost_to_routing - reuse.lost_to_eviction).toBeCloseTo(reuse.delivered, 9);
    }
    expect(sticky.less).toBe("round-robin");
    expect(sticky.delivered_less_first.estimate).toBeCloseTo(
      sticky.reuse.delivered - first.reuse.delivered,
      9,
    );
    expect(document.intervals.not_covered).toContain("latency model");
  });

  it("writes the figures and the document", () => {
    for (const name of ["fleet", "fleet-load", "fleet-ttft"])
      for (const extension of ["html", "svg", "png"])
        expect(existsSync(join(dir, `${name}.${extension}`))).toBe(true);
    expect(readFileSync(join(dir, "fleet.json"), "utf8")).toBe(run.stdout);
  });

  it("says the same for people", () => {
    const { stdout } = runCli([...base, "--routers", "round-robin,sticky"]);
    expect(stdout).toMatch(/^sticky +\d\d\.\d % \[/m);
    expect(stdout).toContain("less round-robin, each session against itself");
    expect(stdout).toContain("not covered: ");
  });

  it("has no shares where no engine has room for a prompt, and says how many it did not serve", () => {
    const path = join(dir, "long.jsonl");
    writeFileSync(path, '{"prompt_tokens": 2000000, "output_tokens": 4, "arrival_ms": 1}\n'.repeat(3));
    const args = ["fleet", path, "--profile", "h200-qwen3-8b", "--replicas", "2", "--routers", "sticky"];
    const { status, stdout } = runCli(args);
    expect(status).toBe(0);
    expect(stdout).toContain("unserved under sticky: 3 requests");
    expect(stdout).toMatch(/^sticky +- +- +- +- +- /m);
    expect(stdout).not.toContain("NaN");
  });

  it("refuses what cannot be: no replicas, a router that there is not or twice, one to show that is not compared", () => {
    const refusal = (...args: string[]) => {
      const { status, stderr } = runCli(args);
      return `${status} ${stderr}`;
    };
    expect(refusal("fleet", warm, "--profile", "h200-qwen3-8b")).toMatch(/^2 .*--replicas/s);
    expect(refusal(...base.slice(0, -1), "0")).toMatch(/^2 .*whole number >= 1/s);
    expect(refusal(...base, "--routers", "nearest")).toMatch(/^2 .*no router "nearest"/s);
    expect(refusal(...base, "--routers", "sticky,sticky")).toMatch(/^2 .*given twice/s);
    expect(refusal(...base, "--routers", "sticky,")).toMatch(/^2 .*between commas/s);
    expect(refusal(...base, "--show", "sticky")).toMatch(/^2 .*--out-dir/s);
  });
});
