import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { llama as shape } from "../hardware/llama-config.js";
import { fromRoot, runCli } from "./run-cli.js";

const folder = mkdtempSync(join(tmpdir(), "prefixlab-config-"));
const llama = { _name_or_path: "meta-llama/Llama-3.1-8B-Instruct", ...shape };
const configOf = (name: string, config: object) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(config));
  return path;
};
const config = configOf("llama.json", llama);
/** A trace that tells nothing of its engine. */
const trace = join(folder, "trace.jsonl");
writeFileSync(
  trace,
  Array.from(
    { length: 4 },
    (_, i) => `{"prompt_tokens": 1000, "output_tokens": 10, "arrival_ms": ${500 * i}, "block_hashes": []}\n`,
  ).join(""),
);
const capture = fromRoot("data", "warm-1.jsonl.gz");
const replay = (...flags: string[]) => runCli(["replay", capture, ...flags]);

describe("a model's config on a card", () => {
  it("times a replay, and tells its memory, its bytes a token and what it rests on", () => {
    const { status, stdout, stderr } = replay("--model-config", config, "--gpu", "H100", "--json");
    // The capture is of a processor: against it the verdict is "fail".
    expect(status).toBe(1);
    const { latency, engine, cohorts } = JSON.parse(stdout);
    expect(latency).toMatchObject({
      kind: "analytic",
      fitted_at: { async_scheduling: true },
      in_sample: null,
    });
    expect(latency.notes.join()).toMatch(/./);
    // The capture tells its pool; what a block of it weighs follows from the config.
    expect(engine.pool_gib).toBeCloseTo((8191 * 32 * 131_072) / 2 ** 30, 6);
    expect(cohorts.all.ttft_ms.p50).toBeGreaterThan(1);
    expect(stderr).toMatch(
      /latency: analytic timings of meta-llama\/Llama-3.1-8B-Instruct on h100, weights in bf16; .*nine of ten/,
    );
  });

  it("gets the pool that fits the cards where nothing else tells it, larger with fp8 weights and on more cards", () => {
    const poolTokens = (...flags: string[]) => {
      const { status, stdout, stderr } = runCli([
        ...["replay", trace, "--model-config", config, "--gpu", "rtx-4090", "--json"],
        ...flags,
      ]);
      expect(status, stderr).toBe(0);
      const { engine } = JSON.parse(stdout);
      expect(engine.kv_cache_blocks.from).toBe("profile");
      return engine.pool_tokens;
    };
    const bf16 = poolTokens();
    expect(bf16).toBeGreaterThan(20_000);
    expect(poolTokens("--dtype", "fp8")).toBeGreaterThan(2 * bf16);
    expect(poolTokens("--kv-dtype", "fp8")).toBeGreaterThan(1.9 * bf16);
    expect(poolTokens("--tp", "2")).toBeGreaterThan(4 * bf16);
  });

  it.each([
    ["no card", ["--model-config", config], /--model-config needs the card .*--gpu with one of h100, h200/],
    [
      "a card that there is not",
      ["--model-config", config, "--gpu", "h900"],
      /no card "h900", expected one of h100/,
    ],
    ["a card and no config", ["--gpu", "h100", "--tp", "2"], /--gpu, --tp say how a --model-config runs/],
    [
      "a profile's format",
      ["--profile", "h200-qwen3-8b", "--dtype", "fp8"],
      /--dtype says how a --model-config runs/,
    ],
    [
      "two sources",
      ["--profile", "h200-qwen3-8b", "--model-config", config, "--gpu", "h100"],
      /give exactly one of/,
    ],
    ["no source", [], /give exactly one of .*--model-config FILE with --gpu NAME/],
    [
      "a format that is not priced",
      ["--model-config", config, "--gpu", "h100", "--dtype", "int4"],
      /int4.*bf16, fp8/,
    ],
    [
      "fp8 on a card without",
      ["--model-config", config, "--gpu", "a100", "--dtype", "fp8"],
      /does not compute in fp8/,
    ],
    [
      "heads that cannot be shared",
      ["--model-config", config, "--gpu", "h100", "--tp", "3"],
      /3 cards cannot share/,
    ],
    ["no cards", ["--model-config", config, "--gpu", "h100", "--tp", "0"], /--tp/],
    ["no file", ["--model-config", join(folder, "none.json"), "--gpu", "h100"], /none.json/],
    [
      "a model that does not fit",
      ["--model-config", configOf("large.json", { ...llama, num_hidden_layers: 320 }), "--gpu", "l40s"],
      /large.json: .*no room for KV/,
    ],
    [
      "a cache that is not counted",
      ["--model-config", configOf("mla.json", { ...llama, kv_lora_rank: 512 }), "--gpu", "h100"],
      /mla.json: .*kv_lora_rank 512 means multi-head latent attention/,
    ],
  ])("is refused with %s", (_, flags, message) => {
    const { status, stderr } = replay(...flags);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it("is a source for sweep and serve too", () => {
    const swept = runCli([
      ...["sweep", trace, "--model-config", config, "--gpu", "h200", "--vary", "seed=1", "--json"],
      ...["--out-dir", join(folder, "sweep")],
    ]);
    expect(swept.status, swept.stderr).toBe(0);
    expect(JSON.parse(swept.stdout).rows).toHaveLength(1);
    const refused = runCli(["serve", "--gpu", "h200"]);
    expect(refused.stderr).toMatch(/--gpu says how a --model-config runs/);
    expect(refused.status).toBe(2);
  });

  it("is for the simulated engine: refused beside a server", () => {
    const { status, stderr } = replay(
      "--url",
      "http://127.0.0.1:9",
      "--model-config",
      config,
      "--gpu",
      "h100",
    );
    expect(stderr).toMatch(/--model-config, --gpu are for the simulated engine/);
    expect(status).toBe(2);
  });
});

describe("a profile that is a model on a card", () => {
  it("is a name for the same timings", () => {
    const byName = JSON.parse(replay("--profile", "h100-llama-3.1-8b", "--json").stdout);
    const byConfig = JSON.parse(replay("--model-config", config, "--gpu", "h100", "--json").stdout);
    expect(byName.latency.kind).toBe("profile:h100-llama-3.1-8b");
    expect(byName.cohorts).toEqual(byConfig.cohorts);
  });
});
