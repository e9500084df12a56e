import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lines, row } from "../rows.js";
import { runCli } from "../run-cli.js";

const WARM = "data/warm-1.jsonl.gz";
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "prefixlab-sample-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(folder, name);

function fileOf(name: string, ...rows: string[]): string {
  writeFileSync(at(name), lines(...rows));
  return at(name);
}

describe("prefixlab sample", () => {
  it("writes half of the sessions, and tells how far they are from the whole", () => {
    const { status, stdout } = runCli([
      "sample",
      WARM,
      "--share",
      "0.5",
      "--out",
      at("half.jsonl"),
      "--json",
    ]);
    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      sessions: 32,
      requests: 160,
      of: { sessions: 64, requests: 320 },
      session_source: { recorded: 320, inferred: 0, min_confidence: 0.5 },
      context_cap: null,
    });
    expect(Object.keys(document.kept)).toEqual(["hit_rate_curve", "lengths", "arrivals"]);
    expect(document.kept.lengths.prompt_tokens_ks).toBe(0);
    expect(["prefix", "runs", "stretches"]).toContain(document.grouping.by);
    const { pool, rows } = document.kept.hit_rate_curve;
    for (const { pool_blocks: whole, sample_pool_blocks: part } of rows)
      expect(part).toBe(
        whole <= pool.fixed_blocks
          ? whole
          : Math.round(pool.fixed_blocks + pool.share * (whole - pool.fixed_blocks)),
      );
  });

  it("writes a trace of which inspect shows that it is a sample, with every record as it was", () => {
    const out = at("few.jsonl");
    expect(runCli(["sample", WARM, "--sessions", "10", "--seed", "3", "--out", out]).status).toBe(0);
    const inspected = JSON.parse(runCli(["inspect", out, "--json"]).stdout);
    expect(inspected.requests).toBe(50);
    expect(inspected.meta.sample).toMatchObject({ sessions: 10, of_sessions: 64, seed: 3 });
    const all = at("all.jsonl");
    runCli(["export", "--format", "tap", WARM, "--out", all]);
    const rows = new Set(readFileSync(all, "utf8").split("\n"));
    const kept = readFileSync(out, "utf8").trimEnd().split("\n").slice(1, -1);
    expect(kept).toHaveLength(50);
    for (const line of kept) expect(rows).toContain(line);
  });

  it("tells in words what was kept, what sessions rest on, and which pool goes with it", () => {
    const { stdout } = runCli(["sample", WARM, "--share", "0.5", "--out", at("words.jsonl")]);
    expect(stdout).toContain("32 of 64 sessions, 160 of 320 requests; seed 1");
    expect(stdout).toContain("sessions: recorded for 100.0 % of the requests");
    expect(stdout).toContain("a pool of N blocks goes with one of");
  });

  it("cuts a trace to a context window, and counts what was cut", () => {
    const { status, stdout } = runCli([
      "sample",
      WARM,
      "--context-cap",
      "1800",
      "--out",
      at("cap.jsonl"),
      "--json",
    ]);
    expect(status).toBe(0);
    const { context_cap: cap, requests } = JSON.parse(stdout);
    expect(cap).toMatchObject({ tokens: 1800, requests: 320, sessions: 64, sessions_gone: 0 });
    expect(requests).toBe(320 - cap.too_long - cap.after_them);
    expect(cap.ceiling.after).toBeLessThan(cap.ceiling.before);
  });

  it("takes a trace without hashes or sessions, and says what it cannot keep", () => {
    const plain = (i: number) => row({ arrival_ms: 10 * i, prompt_tokens: 40 + i, block_hashes: undefined });
    const path = fileOf("plain.jsonl", ...Array.from({ length: 20 }, (_, i) => plain(i)));
    const { status, stdout, stderr } = runCli([
      "sample",
      path,
      "--share",
      "0.5",
      "--out",
      at("plain-half.jsonl"),
    ]);
    expect(status).toBe(0);
    expect(stderr).toContain("no block hashes: there is no hit-rate curve to keep");
    expect(stderr).toContain("no sessions are recorded: every request is one");
    expect(stdout).toContain("10 of 20 sessions, 10 of 20 requests");
  });

  it.each([
    [["--share", "0"], "share must be above 0"],
    [["--share", "1.5"], "expected a number from 0 to 1"],
    [["--share", "half"], "expected a number from 0 to 1"],
    [["--sessions", "0"], "expected a whole number >= 1"],
    [["--sessions", "65"], "sessions is 65, but there are only 64: ask for fewer"],
    [["--sessions", "3", "--share", "0.5"], "not both"],
    [[], "say how much to keep"],
    [["--context-cap", "5"], "no request fits contextCapTokens (5): the shortest has"],
  ])("refuses %j", (flags, message) => {
    const { status, stderr } = runCli(["sample", WARM, ...flags, "--out", at("bad.jsonl")]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it("refuses to overwrite what it reads, and a file that is no trace", () => {
    const path = fileOf("own.jsonl", row(), row({ arrival_ms: 20 }));
    expect(runCli(["sample", path, "--share", "0.5", "--out", path]).status).toBe(2);
    const bad = fileOf("bad.txt", "no trace");
    expect(runCli(["sample", bad, "--share", "0.5", "--out", at("x.jsonl")]).status).toBe(2);
  });
});
