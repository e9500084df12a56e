import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTrace, writeTrace } from "../../../lib/trace/files/index.js";
import type { Trace } from "../../../lib/trace/index.js";
import { fromRoot, runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab replay "));
afterAll(() => rmSync(dir, { recursive: true }));

const warm = fromRoot("data", "warm-1.jsonl.gz");
const cold = fromRoot("data", "cold-1.jsonl.gz");
const profile = ["--profile", "h200-qwen3-8b"];
const errorsOf = (args: readonly string[]) => JSON.parse(runCli([...args, "--json"]).stdout);

async function written(name: string, trace: Trace): Promise<string> {
  const path = join(dir, name);
  await writeTrace(path, trace);
  return path;
}

describe("replay --against", () => {
  it("compares request by request, in whatever order the other capture's requests arrived", async () => {
    const trace = await readTrace(cold);
    // The same requests, the first turns last: an order that says nothing of which is which.
    const shifted = trace.records.map((r) => ({ ...r, arrivalMs: r.arrivalMs! + (r.turn === 1 ? 1e7 : 0) }));
    const path = await written("shifted.jsonl.gz", { ...trace, records: shifted });
    const against = (file: string) => errorsOf(["replay", warm, ...profile, "--against", file]).errors;
    expect(against(path)).toEqual(against(cold));
  });

  it("refuses a capture of other requests, as many as they are", async () => {
    const trace = await readTrace(cold);
    const records = trace.records.map(({ session: _, turn: __, ...r }) => ({
      ...r,
      promptTokens: r.promptTokens + 16,
    }));
    const { status, stderr } = runCli([
      "replay",
      warm,
      ...profile,
      "--against",
      await written("others.jsonl.gz", { ...trace, records }),
    ]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/no capture of the same requests: request 1 has \d+ prompt tokens/);
  });
});

describe("replay", () => {
  it("judges nothing where the flags change the engine that was captured, and judges where they repeat it", () => {
    const verdict = (...flags: string[]) => errorsOf(["replay", warm, ...profile, ...flags]).verdict;
    expect(verdict("--kv-cache-size", "300")).toBe("none");
    expect(verdict("--no-enable-prefix-caching")).toBe("none");
    expect(verdict("--enable-prefix-caching", "--max-num-seqs", "64")).toBe("fail");
  });

  it("finds prefixes for a capture without a cache when told to", () => {
    const hits = (...flags: string[]) =>
      errorsOf(["replay", cold, ...profile, "--replay-sessions", ...flags]).cached_tokens.predicted;
    expect(hits()).toBe(0);
    expect(hits("--enable-prefix-caching")).toBeGreaterThan(100_000);
  });

  it("says how many requests were never served, and writes a modeled trace that reads back clean", async () => {
    const dump = join(dir, "small pool.jsonl.gz");
    const { stdout } = runCli([
      "replay",
      warm,
      ...profile,
      "--replay-sessions",
      "--kv-cache-size",
      "50",
      "--dump-trace",
      dump,
    ]);
    expect(stdout).toMatch(/unserved: 192 of 320 requests.*64 need more blocks than the pool has/);
    const back = await readTrace(dump);
    expect(back.records).toHaveLength(320);
    expect(back.rejected).toEqual([]);
    expect(back.warnings.map(({ reason }) => reason).join()).not.toContain("arrive before");
  });

  it("shows the model alone, with its hits, for a trace without latencies", () => {
    const path = join(dir, "planned.jsonl");
    const rows = [0, 1, 2].map((i) =>
      JSON.stringify({
        arrival_ms: 1000 * i,
        prompt_tokens: 64,
        output_tokens: 4,
        block_hashes: [1, 2, 3, 4],
      }),
    );
    writeFileSync(path, `${rows.join("\n")}\n`);
    const { status, stdout } = runCli(["replay", path, ...profile]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^all +3 +[\d.]+ ms/m);
    expect(stdout).toMatch(/prefix hits: 96 of 192 prompt tokens \(50\.0 %\)/);
  });

  it("writes over nothing that it reads", async () => {
    const path = await written("mine.jsonl.gz", await readTrace(warm));
    const { status, stderr } = runCli(["replay", path, ...profile, "--dump-trace", path]);
    expect(status).toBe(2);
    expect(stderr).toContain("would be overwritten");
    expect((await readTrace(path)).records).toHaveLength(320);
  });

  it("refuses --latency-kind where nothing is fitted", () => {
    const { status, stderr } = runCli(["replay", warm, ...profile, "--latency-kind", "empirical"]);
    expect(status).toBe(2);
    expect(stderr).toContain("--latency-trace");
  });
});

describe("what a replay ran under", () => {
  const header = (args: readonly string[]) => errorsOf(["replay", warm, ...profile, ...args]);

  it("is in the document, each setting with where it comes from", () => {
    const { engine, latency, pacing, pacing_from } = header([]);
    expect(engine).toMatchObject({
      block_size: { value: 32, from: "captured" },
      kv_cache_blocks: { value: 8191, from: "captured" },
      max_num_batched_tokens: { value: 512, from: "captured" },
      enable_prefix_caching: { value: true, from: "captured" },
      eviction: { value: "lru", from: "assumed" },
      pool_tokens: 8191 * 32,
    });
    expect(engine.pool_gib).toBeCloseTo((8191 * 32 * 147_456) / 2 ** 30, 6);
    expect(latency).toEqual({
      kind: "profile:h200-qwen3-8b",
      fitted_at: { max_num_batched_tokens: 8192, max_num_seqs: 1024, async_scheduling: true },
    });
    expect([pacing, pacing_from]).toEqual(["session", "captured"]);
  });

  it("is what flags give before what the capture tells", () => {
    const { engine, pacing, pacing_from } = header(["--block-size", "16", "--open-loop"]);
    // Memory stays what it is: the captured pool in smaller blocks.
    expect(engine).toMatchObject({
      block_size: { value: 16, from: "given" },
      kv_cache_blocks: { value: 2 * 8191, from: "captured" },
    });
    expect([pacing, pacing_from]).toEqual(["open-loop", "given"]);
  });

  it("is printed in the first lines", () => {
    const { stdout } = runCli(["replay", warm, ...profile, "--max-concurrency", "3"]);
    expect(stdout).toMatch(/pool: 8191 blocks of 32 tokens = 262112 tokens = 36\.0 GiB/);
    expect(stdout).toMatch(/engine, captured: --block-size 32 --kv-cache-size 8191/);
    expect(stdout).toMatch(/engine, assumed: .*--eviction lru/);
    expect(stdout).toMatch(/pacing: closed-loop \(given\); prompts: recorded/);
  });

  it("forces one pacing at most", () => {
    const { status, stderr } = runCli(["replay", warm, ...profile, "--open-loop", "--replay-sessions"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/each force a pacing: give one of them at most/);
  });

  it("has blocks of the engine's own size and a pool that fits the card, whatever the trace's hashes", async () => {
    // 100 chats of 10,240 tokens, each back after all the others: more than the card can keep.
    const trace = await readTrace(warm);
    const prompt = (chat: number) => Int32Array.from({ length: 20 }, (_, b) => trace.blocks.intern(chat, b));
    const records = [0, 100_000].flatMap((startMs) =>
      Array.from({ length: 100 }, (_, chat) => ({
        promptTokens: 10_240,
        outputTokens: 1,
        arrivalMs: startMs + 1000 * chat,
        blockIds: prompt(chat),
      })),
    );
    const path = await written("chats.jsonl", { ...trace, meta: { blockSize: 512, extra: {} }, records });
    const found = async (...flags: string[]) => {
      const dumped = join(dir, "chats-modeled.jsonl");
      const { engine } = errorsOf(["replay", path, ...profile, "--dump-trace", dumped, ...flags]);
      const { records: modeled } = await readTrace(dumped);
      return { engine, tokens: modeled.reduce((sum, r) => sum + (r.cachedTokens ?? 0), 0) };
    };
    const { engine, tokens } = await found();
    expect(engine).toMatchObject({
      block_size: { value: 16, from: "assumed" },
      kv_cache_blocks: { from: "profile" },
    });
    expect(engine.pool_gib).toBeLessThan(0.9 * 131.4);
    expect(tokens).toBe(0);
    expect((await found("--kv-cache-size", "65536")).tokens).toBeGreaterThan(100 * 10_000);
  });
});
