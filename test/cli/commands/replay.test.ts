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
