import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../run-cli.js";

const WARM = "data/warm-1.jsonl.gz";
const dir = mkdtempSync(join(tmpdir(), "prefixlab size "));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(dir, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function sized(...args: readonly string[]) {
  const { status, stdout, stderr } = runCli(["size", ...args, "--json"]);
  expect(stderr + String(status)).toMatch(/0$/);
  return JSON.parse(stdout);
}

const prices = { currency: "EUR", per_million_tokens: { input: 2, cached_read: 0.2, cache_write_5m: 2.5 } };
const config = {
  model_type: "llama",
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
};

describe("prefixlab size", () => {
  it("says in tokens how much is found, where nothing tells the bytes of a token", () => {
    const { curve, unbounded, for_share, for_share_tokens, ttl, ttft, policies, costs } = sized(WARM);
    expect(curve.at(-1)).toMatchObject({ pool_gib: null, lru: unbounded, optimum: unbounded });
    for (const { lru, optimum } of curve) expect(lru).toBeLessThanOrEqual(optimum);
    expect(for_share).toEqual({ 0.5: null, 0.8: null, 0.95: null, 0.99: null });
    expect(for_share_tokens["0.8"]).toBeLessThan(for_share_tokens["0.99"]);
    expect(ttl.map(({ ttl_s }: { ttl_s: number }) => ttl_s)).toEqual([60, 300, 3600]);
    expect([ttft, policies, costs]).toEqual([null, null, null]);
  });

  it("says where replays find much less than requests one after another, so that its sizes are too small", () => {
    // 30 conversations at once, each turn right behind the one before: in turn, a pool of one conversation finds all.
    const rows = Array.from({ length: 90 }, (_, i) => {
      const [session, turn] = [Math.floor(i / 3), i % 3];
      const ids = Array.from({ length: 40 + 20 * turn }, (_, block) => 1000 * session + block);
      return {
        session: `s${session}`,
        turn: turn + 1,
        prompt_tokens: 16 * ids.length + 4,
        output_tokens: 60,
        arrival_ms: 3 * session + turn,
        block_hashes: ids,
      };
    });
    const busy = file("busy.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const { replay_finds_less: less, ttft } = sized(busy, "--profile", "h200-qwen3-8b");
    expect(less).toMatchObject({ pool_tokens: ttft.at(-1).pool_tokens, replayed: ttft.at(-1).cached_share });
    expect(less.served_in_turn - less.replayed).toBeGreaterThan(0.05);
    const { stdout } = runCli(["size", busy, "--profile", "h200-qwen3-8b"]);
    expect(stdout).toMatch(/^several at once, \d+ tokens = .* in a replay, not .*--pool-gib/m);
    const large = sized(busy, "--profile", "h200-qwen3-8b", "--pool-gib", "20");
    expect(large.replay_finds_less).toBeNull();
  });

  it("takes the bytes of a token from a flag, a model's config, a profile, or the trace", () => {
    const rows = [1, 2].map((i) => ({
      prompt_tokens: 40,
      output_tokens: 1,
      arrival_ms: i,
      block_hashes: [1, 2],
    }));
    const told = [{ meta: { kv_bytes_per_token: 2048 } }, ...rows].map((row) => `${JSON.stringify(row)}\n`);
    const trace = file("told.jsonl", told.join(""));
    expect(sized(trace).kv_bytes_per_token).toBe(2048);
    expect(sized(trace, "--profile", "h200-qwen3-8b").kv_bytes_per_token).toBe(147_456);
    expect(sized(WARM, "--bytes-per-token", "1024").curve[0].pool_gib).toBe((1968 * 1024) / 2 ** 30);
    expect(sized(WARM, "--model-config", file("config.json", config)).kv_bytes_per_token).toBe(131_072);
    expect(
      sized(WARM, "--model-config", file("config.json", config), "--kv-dtype", "fp8").kv_bytes_per_token,
    ).toBe(65_536);
  });

  it("says what a model with windows, states or another kind of cache means for the curve", () => {
    const gemma = {
      model_type: "gemma3_text",
      num_hidden_layers: 12,
      hidden_size: 512,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 128,
      sliding_window: 512,
      sliding_window_pattern: 6,
    };
    const { kv_bytes_per_token, assumptions } = sized(WARM, "--model-config", file("gemma.json", gemma));
    expect(kv_bytes_per_token).toBe(2 * 2 * 2 * 128 * 2);
    expect(assumptions.join(" ")).toMatch(/the last window of some layers, which is not modeled/);
    const deepSeek = {
      model_type: "deepseek_v3",
      num_hidden_layers: 61,
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
    };
    expect(sized(WARM, "--model-config", file("mla.json", deepSeek)).kv_bytes_per_token).toBe(70_272);
    const unknown = runCli(["size", WARM, "--model-config", file("unknown.json", { model_type: "abacus" })]);
    expect(unknown.stderr).toMatch(/abacus/);
    expect(unknown.status).toBe(2);
  });

  it("adds tiers, times to live, prices, policies and replays where they are asked for", () => {
    const document = sized(
      WARM,
      ...[
        "--profile",
        "h200-qwen3-8b",
        "--cpu-kv-gib",
        "0.5",
        "--disk-kv-gib",
        "0.6",
        "--ttl",
        "1,10",
        "--policies",
      ],
      ...["--prices", file("prices.json", prices), "--pool-gib", "0.3,0.6"],
    );
    const [least] = document.curve;
    expect(least.tiers.pool).toBe(least.lru);
    expect(least.tiers.cpu).toBeGreaterThan(0);
    expect(document.ttl).toHaveLength(2);
    expect(document.costs).toMatchObject({
      currency: "EUR",
      plans: [{ ttl_s: 300, read_share: expect.any(Number) }],
    });
    expect(document.ttft).toHaveLength(2);
    expect(document.ttft[0].cached_share).toBeLessThan(document.ttft[1].cached_share);
    expect(document.ttft[0].ttft_p50_ms).toBeGreaterThan(document.ttft[1].ttft_p50_ms);
    const rowOf = (tokens: number) =>
      document.curve.find(({ pool_tokens }: { pool_tokens: number }) => pool_tokens === tokens);
    for (const { pool_tokens, lru, ...others } of document.policies) {
      expect(pool_tokens % 16).toBe(0);
      expect(lru).toBe(rowOf(pool_tokens).lru);
      expect(Object.keys(others)).toContain("slru");
    }
  });

  it("prints a table, and draws", () => {
    const { status, stdout } = runCli(["size", WARM, "--out-dir", join(dir, "out")]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/pool, tokens +GiB +LRU +best possible/);
    for (const name of ["memory", "time-to-live"])
      for (const end of ["png", "svg", "html"])
        expect(existsSync(join(dir, "out", `${name}.${end}`))).toBe(true);
  });

  it.each([
    [["--cpu-kv-gib", "1"], /--cpu-kv-gib is in GiB, and nothing tells the bytes of a token/],
    [["--pool-gib", "0.01", "--bytes-per-token", "147456"], /no room for the longest request/],
    [["--ttl", "5,x"], /expected a number/],
    [["--bytes-per-token", "0"], /expected a number/],
    [["--model-config", file("broken.json", "{")], /not a JSON document/],
    [["--model-config", file("bare.json", { model_type: "llama" })], /num_attention_heads must be/],
    [["--prices", file("no-plans.json", { currency: "USD" })], /no-plans.json: priceListFromJson: expected/],
    [
      ["--model-config", file("big.json", { ...config, num_hidden_layers: 320 }), "--gpu", "rtx-4090"],
      /no room for KV/,
    ],
  ])("refuses %j with exit 2", (args, message) => {
    const { status, stderr } = runCli(["size", WARM, ...args]);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
