import { describe, expect, it } from "vitest";
import { fromRoot, runCli } from "../run-cli.js";

const warm = fromRoot("data", "warm-1.jsonl.gz");
const replay = ["replay", warm, "--profile", "h200-qwen3-8b"];

function json(...args: string[]) {
  const { stdout, stderr, status } = runCli([...args, "--json"]);
  expect(stderr + status).toMatch(/\d$/);
  return JSON.parse(stdout);
}

describe("--prefill-replicas", () => {
  const apart = ["--replicas", "2", "--prefill-replicas", "2", "--router", "sticky"];

  it("tells TTFT by stage, what was moved, and a row for each engine", () => {
    const document = json(...replay, ...apart, "--prefill-engine", "max-num-batched-tokens=4096");
    expect(document.completed).toBe(document.requests);
    const { remote, local, ttft_ms, found_tokens, moved_tokens } = document.prefill_stages;
    expect([remote, local]).toEqual([320, 0]);
    expect(Object.keys(ttft_ms)).toEqual([
      "prefill_queue",
      "prefill",
      "decode_room",
      "transfer",
      "decode_queue",
      "first_step",
    ]);
    expect(found_tokens).toBeGreaterThan(0);
    expect(document.prefill_replicas.map(({ moved_tokens: moved }: never) => moved).length).toBe(2);
    expect(
      document.prefill_replicas.reduce((sum: number, { moved_tokens: moved }: never) => sum + moved, 0),
    ).toBe(moved_tokens);
    expect(document.prefill).toMatchObject({
      replica_count: 2,
      router: "sticky",
      non_cached_tokens: null,
      kv_transfer: { gbps: 25, latency_ms: 1, assumed: ["bandwidth", "latency"] },
      engine: { max_num_batched_tokens: { value: 4096, from: "given" } },
    });
    expect(document.replicas.length).toBe(2);
  });

  it("says so for people, and what is assumed", () => {
    const { stdout } = runCli([
      ...replay,
      ...apart,
      "--non-cached-tokens",
      "200",
      "--kv-transfer-gbps",
      "50",
    ]);
    expect(stdout).toMatch(
      /^prefill: 2 engines as these, router sticky, compute prompts of which 200 tokens or more/m,
    );
    expect(stdout).toMatch(/^network of each engine: 50 GB\/s and 1 ms \(assumed\) a transfer/m);
    expect(stdout).toMatch(/^prefilled elsewhere: [1-9]\d* requests, .*; by their decode engine: [1-9]\d*$/m);
    expect(stdout).toMatch(/^queue for prefill +[\d.]+ /m);
  });

  it("takes what happens to its engines, by their own numbers", () => {
    const events = ["--replica-event", "stop:prefill-1@30", "--replica-event", "add:prefill@40"];
    const { replica_events: told, prefill_replicas: rows } = json(...replay, ...apart, ...events);
    expect(told.map(({ does, replica, pool }: never) => [does, replica, pool])).toEqual([
      ["stop", 1, "prefill"],
      ["add", 2, "prefill"],
    ]);
    expect(rows.length).toBe(3);
  });

  it("is compared under several routers by fleet", () => {
    const fleet = ["fleet", warm, "--profile", "h200-qwen3-8b", ...apart.slice(0, 4)];
    const { routers } = json(...fleet, "--routers", "round-robin,sticky");
    for (const { prefill_stages: stages } of routers) expect(stages.remote).toBe(320);
    expect(routers[1].prefill_stages.found_tokens).toBeGreaterThan(routers[0].prefill_stages.found_tokens);
    const { stdout } = runCli([...fleet, "--routers", "round-robin,sticky"]);
    expect(stdout).toContain("the mean TTFT by stage");
  });

  it("refuses what cannot be", () => {
    const refusal = (...args: string[]) => {
      const { status, stderr } = runCli(args);
      return `${status} ${stderr}`;
    };
    expect(refusal(...replay, "--prefill-replicas", "0")).toMatch(/^2 .*whole number >= 1/s);
    expect(refusal(...replay, "--non-cached-tokens", "64")).toMatch(
      /^2 .*--non-cached-tokens is about prefill engines: give --prefill-replicas N/s,
    );
    expect(refusal(...replay, ...apart, "--prefill-gpu", "h100")).toMatch(/^2 .*--model-config/s);
    expect(refusal(...replay, ...apart, "--prefill-engine", "pool=1")).toMatch(/^2 .*expected name=value/s);
    expect(refusal(...replay, "--replica-event", "stop:prefill-0@1")).toMatch(/^2 .*names a prefill engine/s);
    expect(refusal(...replay, ...apart, "--recorded-times")).toMatch(
      /^2 .*--prefill-replicas are simulated/s,
    );
  });
});

describe("--shared-kv-gib", () => {
  it("tells hits from the store apart, and stands beside tiers of each replica's own", () => {
    const small = [...replay, "--replicas", "2", "--kv-cache-size", "120", "--cpu-kv-gib", "1"];
    const apart = json(...small);
    const shared = json(...small, "--shared-kv-gib", "20");
    expect(Object.keys(shared.reuse_tiers)).toEqual(["pool", "cpu", "shared"]);
    expect(shared.reuse.from_shared_store * shared.reuse.prompt_tokens).toBeCloseTo(
      shared.reuse_tiers.shared,
      6,
    );
    expect(shared.reuse.delivered).toBeGreaterThan(apart.reuse.delivered);
    expect(apart.reuse).not.toHaveProperty("from_shared_store");
    expect(apart.reuse_tiers.cpu).toBeGreaterThan(0);
    for (const { shared_hit_share: share, hit_share: all } of shared.replicas)
      expect(share).toBeLessThanOrEqual(all);
    const { stdout } = runCli([...small, "--shared-kv-gib", "20"]);
    expect(stdout).toMatch(/^behind the pool, one store for all replicas: \d+ blocks/m);
    expect(stdout).toMatch(/delivered [\d.]+ % \([\d.]+ % from the shared store\)/);
  });

  it("is not for size, which serves one engine", () => {
    const { status, stderr } = runCli(["size", warm, "--profile", "h200-qwen3-8b", "--shared-kv-gib", "1"]);
    expect(`${status} ${stderr}`).toMatch(/^2 .*--shared-kv-gib is a store that replicas share/s);
  });
});
