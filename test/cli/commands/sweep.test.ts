import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { latencyProfile } from "../../../lib/latency/index.js";
import { workloadOf } from "../../../lib/sessions/index.js";
import { gridCells, parseAxis, runCell } from "../../../lib/sweep/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab-sweep-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const trace = "data/warm-1.jsonl.gz";

describe("sweep", () => {
  it("writes the rows of its cells, each run alone, on however many threads", async () => {
    const axes = ["seed=1..2", "kv-cache-size=400,4000", "min-confidence=0.5,0.99"];
    const workload = workloadOf(await readTrace(trace));
    const model = latencyProfile("h200-qwen3-8b");
    const rows = gridCells(axes.map((axis) => parseAxis(axis))).map((cell) => runCell(workload, model, cell));
    const files = [1, 3].map((workers) => {
      const out = join(dir, `${workers}`);
      const args = [
        "sweep",
        trace,
        "--profile",
        "h200-qwen3-8b",
        "--workers",
        `${workers}`,
        "--out-dir",
        out,
      ];
      const { status, stdout } = runCli([...args, "--json", ...axes.flatMap((axis) => ["--vary", axis])]);
      expect([status, JSON.parse(stdout)]).toMatchObject([0, { ran: 8, found: 0, missing: 0, rows }]);
      return readFileSync(join(out, "results.jsonl"), "utf8");
    });
    expect(files[0]).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    expect(files[1]).toBe(files[0]);
  });

  it("tells how many requests a cell did not serve, and what that does to its numbers", () => {
    const args = ["sweep", trace, "--profile", "h200-qwen3-8b", "--out-dir", join(dir, "small")];
    const { stdout } = runCli([...args, "--vary", "kv-cache-size=50,4000"]);
    expect(stdout).toMatch(/^kv-cache-size +requests +unserved +hit rate/m);
    expect(stdout).toMatch(/^ +50 +320 +\d+ /m);
    expect(stdout).toMatch(/^ +4000 +320 +0 /m);
    expect(stdout).toMatch(/^unserved: .*Kaplan-Meier/m);
    const { stdout: served } = runCli([
      ...args.slice(0, -1),
      join(dir, "large"),
      "--vary",
      "kv-cache-size=4000",
    ]);
    expect(served).not.toContain("unserved");
  });

  it("says why a cell cannot be replayed, and stops", () => {
    const untimed = join(dir, "untimed.jsonl");
    writeFileSync(untimed, '{"prompt_tokens": 10, "output_tokens": 1}\n'.repeat(2));
    const args = ["sweep", untimed, "--profile", "h200-qwen3-8b", "--out-dir", join(dir, "refused")];
    const { status, stderr } = runCli([...args, "--vary", "seed=1..4"]);
    expect(status).toBe(2);
    expect(stderr).toContain("the trace has no arrival times");
    expect(stderr).not.toContain("    at ");
  });
});
