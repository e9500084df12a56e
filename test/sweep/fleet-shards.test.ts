import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { gridCells, parseAxis, runCell } from "../../lib/sweep/index.js";
import { writeTrace } from "../../lib/trace/files/index.js";
import { runCli } from "../cli/run-cli.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 12,
  turns: 3,
  prefixTokens: 600,
  promptTokens: 40,
  outputTokens: 16,
});
const axes = ["replicas=1,3", "router=round-robin,sticky:ttl=300", "kv-cache-size=120"];

describe("a sweep over fleets", () => {
  const dir = mkdtempSync(join(tmpdir(), "prefixlab shards "));
  afterAll(() => rmSync(dir, { recursive: true }));

  it("gives the same bytes from shards, each a process as on a cluster, as from one", async () => {
    const path = join(dir, "trace.jsonl");
    await writeTrace(path, trace);
    const run = (outDir: string, shard: string) => {
      const { status, stdout, stderr } = runCli([
        ...["sweep", path, "--profile", "h200-qwen3-8b", "--workers", "1", "--json"],
        ...axes.flatMap((axis) => ["--vary", axis]),
        ...["--shard", shard, "--out-dir", join(dir, outDir)],
      ]);
      expect(stderr + status).toBe("0");
      return JSON.parse(stdout);
    };
    const whole = run("whole", "0/1");
    expect(run("shards", "0/2")).toMatchObject({ ran: 2, missing: 2 });
    expect(run("shards", "1/2").rows).toEqual(whole.rows);
    for (const file of ["results.jsonl", "results.parquet"])
      expect(readFileSync(join(dir, "shards", file)).equals(readFileSync(join(dir, "whole", file)))).toBe(
        true,
      );
    const sessions = inferSessions(trace);
    const model = latencyProfile("h200-qwen3-8b");
    const rows = gridCells(axes.map(parseAxis)).map((cell) => runCell({ trace, sessions }, model, cell));
    expect(whole.rows).toEqual(rows);
  });

  it("tells the sides of reuse where there are several engines, and only there", () => {
    const sessions = inferSessions(trace);
    const rows = gridCells(axes.map(parseAxis)).map((cell) =>
      runCell({ trace, sessions }, latencyProfile("h200-qwen3-8b"), cell),
    );
    for (const row of rows.filter(({ replicas }) => replicas === 1))
      expect(row).not.toHaveProperty("reuse_offered");
    for (const row of rows.filter(({ replicas }) => replicas === 3)) {
      const [offered, routed, delivered, pooled] = ["offered", "routed", "delivered", "pooled"].map((side) =>
        Number(row[`reuse_${side}`]),
      );
      expect(offered!).toBeGreaterThanOrEqual(routed!);
      expect(routed!).toBeGreaterThanOrEqual(delivered!);
      expect(offered!).toBeGreaterThanOrEqual(pooled!);
      expect(delivered!).toBeCloseTo(Number(row.hit_fraction), 12);
    }
    const [spread, sticky] = rows.filter(({ replicas }) => replicas === 3);
    expect(Number(sticky!.reuse_routed)).toBeGreaterThan(Number(spread!.reuse_routed));
  });

  it("takes prefill engines and a shared store as axes", () => {
    const sessions = inferSessions(trace);
    const model = latencyProfile("h200-qwen3-8b");
    const rowsOf = (...varied: string[]) =>
      gridCells(["replicas=2", ...varied].map(parseAxis)).map((cell) =>
        runCell({ trace, sessions }, model, cell),
      );
    const [none, all, some] = [
      ...rowsOf("prefill-replicas=0,2", "kv-transfer-gbps=50"),
      ...rowsOf("prefill-replicas=2", "non-cached-tokens=100"),
    ];
    expect(none).not.toHaveProperty("prefill_remote");
    expect(all!.prefill_remote).toBe(36);
    expect(Number(all!.stage_transfer_ms_p50)).toBeGreaterThan(1);
    expect(Number(some!.prefill_remote)).toBeLessThan(36);
    const [apart, shared] = rowsOf("kv-cache-size=60", "shared-kv-gib=0,20");
    expect(shared!.reuse_shared_tokens).toBeGreaterThan(0);
    expect(Number(shared!.hit_fraction)).toBeGreaterThan(Number(apart!.hit_fraction));
    expect(() => parseAxis("prefill-replicas=-1")).toThrow(/prefill-replicas/);
    expect(() => parseAxis("non-cached-tokens=0")).toThrow(/non-cached-tokens/);
  });
});
