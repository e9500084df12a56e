import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../run-cli.js";

const WARM = "data/warm-1.jsonl.gz";
const COLD = "data/cold-1.jsonl.gz";
const SMALL_POOL = "data/planted-faults/small-pool.jsonl.gz";
const dir = mkdtempSync(join(tmpdir(), "prefixlab-explain-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function pricesFile(name: string, prices: unknown): string {
  const path = join(dir, name);
  writeFileSync(path, JSON.stringify(prices));
  return path;
}

interface Document {
  readonly source: string;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly causes: Readonly<
    Record<
      string,
      { tokens: number; requests: number; ttft_ms_saved: number | null; ttft_ms_saved_interval: unknown }
    >
  >;
  readonly requests?: readonly { parts: readonly { tokens: number }[] }[];
}

function explained(...args: readonly string[]): Document {
  const { status, stdout } = runCli(["explain", ...args, "--json"]);
  expect(status).toBe(0);
  const document = JSON.parse(stdout) as Document;
  const total = Object.values(document.causes).reduce((sum, { tokens }) => sum + tokens, 0);
  expect(total).toBe(document.prompt_tokens - document.cached_tokens);
  return document;
}

describe("prefixlab explain", () => {
  it("explains what the engine recorded, without a model and so without costs", () => {
    const { source, causes, requests } = explained(WARM);
    expect(source).toBe("recorded");
    expect(causes.first_use.tokens).toBeGreaterThan(0);
    expect(causes.unexplained.tokens).toBe(0);
    expect(causes.off.ttft_ms_saved).toBeNull();
    expect(requests).toBeUndefined();
  });

  it("counts what a tier behind the pool has as found", () => {
    const tier = ["--profile", "h200-qwen3-8b", "--bytes-per-token", "3072", "--cpu-kv-gib"];
    const evicted = (...flags: string[]) => explained(SMALL_POOL, ...tier, ...flags).causes.evicted!.tokens;
    const without = evicted("0");
    // Answers that leave the pool before they are part of a prompt are computed again.
    const promptsAlone = evicted("1");
    expect(promptsAlone).toBeGreaterThan(0);
    expect(promptsAlone).toBeLessThan(without / 2);
    expect(evicted("1", "--no-offload-prompt-only")).toBe(0);
    const { stdout } = runCli(["explain", SMALL_POOL, ...tier, "1"]);
    expect(stdout).toMatch(/^behind the pool, cpu: 10922 blocks/m);
  });

  it("has a row for each request with --requests", () => {
    const { requests, prompt_tokens, cached_tokens } = explained(WARM, "--requests");
    const total = requests!.flatMap(({ parts }) => parts).reduce((sum, { tokens }) => sum + tokens, 0);
    expect(total).toBe(prompt_tokens - cached_tokens);
  });

  it("says what prefix caching that was off cost, with an interval, where a model is named", () => {
    const { causes } = explained(COLD, "--profile", "h200-qwen3-8b");
    expect(causes.off.ttft_ms_saved).toBeGreaterThan(0);
    expect(causes.off.ttft_ms_saved_interval).toHaveLength(2);
    expect(causes.first_use.ttft_ms_saved).toBeNull();
  });

  it("explains a replay where another engine is asked for, and refuses to without a model", () => {
    const { source, causes } = explained(WARM, "--profile", "h200-qwen3-8b", "--kv-cache-size", "120");
    expect(source).toBe("simulated");
    expect(causes.evicted.tokens).toBeGreaterThan(0);
    expect(causes.evicted.ttft_ms_saved).not.toBeNull();
    const refused = runCli(["explain", WARM, "--kv-cache-size", "120"]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("needs a latency model");
  });

  it("draws the causes with --out-dir, and writes what --json prints beside them", () => {
    const { status, stdout } = runCli(["explain", WARM, "--out-dir", join(dir, "out"), "--json"]);
    expect(status).toBe(0);
    const file = (extension: string) => readFileSync(join(dir, "out", `explain.${extension}`));
    expect(file("json").toString()).toBe(stdout);
    expect(file("svg").toString()).toContain("90.5 % of prompt tokens were cached, none were lost");
    expect(file("png").subarray(1, 4).toString()).toBe("PNG");
    expect(file("html").toString()).toContain("<title>explain</title>");
  });

  it("shows the session that is asked for, by number or by the name that the trace records", () => {
    const rows = (session: string) => {
      const { stdout, status } = runCli([
        "explain",
        "data/planted-faults/clock.jsonl.gz",
        "--session",
        session,
      ]);
      expect(status).toBe(0);
      return stdout.split("\n").slice(-6);
    };
    expect(rows("0")[0]).toMatch(/^session 0, 4 requests, \d.* tokens lost/);
    expect(rows("0")[1]).toMatch(/^ {2}1 {2}n+t? +2,461$/);
    expect(rows("3")[1]).toMatch(/^ {2}1 {2}\|D+n+t* +2,461$/);
    const refused = runCli(["explain", WARM, "--session", "64"]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("--session 64: no such session: expected a number from 0 to 63");
  });

  it("prints a table, and what to do", () => {
    const { stdout, status } = runCli(["explain", COLD, "--profile", "h200-qwen3-8b"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/cause\s+tokens\s+of prompts\s+requests\s+mean TTFT without it/);
    expect(stdout).toContain("- prefix caching was off: 472768 tokens had been sent before");
  });

  it("counts GiB and money, and says which policies would have kept what was evicted", () => {
    const prices = pricesFile("prices.json", {
      currency: "EUR",
      per_million_tokens: { input: 2, cached_read: 1 },
    });
    const flags = [
      "--profile",
      "h200-qwen3-8b",
      "--bytes-per-token",
      "1048576",
      "--prices",
      prices,
      "--policies",
    ];
    const { stdout } = runCli(["explain", SMALL_POOL, ...flags, "--json"]);
    const { causes, policies, currency, evicted_parts, replayed } = JSON.parse(stdout);
    const { tokens, gib, money, queue_ms_saved, ttft_p50_ms_saved, without } = causes.evicted;
    expect(tokens).toBeGreaterThan(0);
    expect(gib).toBeCloseTo(tokens / 1024, 9);
    expect(money).toBeCloseTo(tokens / 1e6, 9);
    expect(currency).toBe("EUR");
    expect([typeof queue_ms_saved, typeof ttft_p50_ms_saved]).toEqual(["number", "number"]);
    expect(without).toContain("gives none up");
    expect(policies.map(({ policy }: { policy: string }) => policy)).toContain("slru");
    expect(evicted_parts.idle_ms.p90).toBeGreaterThanOrEqual(evicted_parts.idle_ms.p50);
    expect(replayed.recorded_ttft_ms_mean).toBeGreaterThan(0);
    const people = runCli(["explain", SMALL_POOL, ...flags]).stdout;
    expect(people).toMatch(/mean queueing\s+GiB\s+EUR/);
    // The engine of this capture is no H200.
    expect(people).toContain("the replay is far from the recorded TTFT");
  });

  it("refuses prices that are none, and policies without a model", () => {
    const bad = runCli(["explain", WARM, "--prices", pricesFile("bad.json", { input: 3 })]);
    expect(bad.status).toBe(2);
    expect(bad.stderr).toContain("bad.json: priceListFromJson: expected");
    const refused = runCli(["explain", WARM, "--policies"]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("needs a latency model");
  });

  it("says that a replay served nothing, and why, where it did", () => {
    const path = join(dir, "long.jsonl");
    writeFileSync(path, '{"prompt_tokens": 2000000, "output_tokens": 4, "arrival_ms": 1}\n'.repeat(3));
    const { status, stderr } = runCli(["explain", path, "--simulate", "--profile", "h200-qwen3-8b"]);
    expect(status).toBe(2);
    expect(stderr).toContain("the replay served none of 3 requests: 3 need more blocks than the pool has");
  });
});
