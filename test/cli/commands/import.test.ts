import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab import "));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

describe("prefixlab import --fingerprint-key-file", () => {
  const log = file(
    "log.jsonl",
    `${JSON.stringify({ prompt: "once upon a time there was", max_tokens: 3 })}\n`,
  );
  const run = (key: string, out: string) =>
    runCli(["import", "--format", "openai-log", log, "--fingerprint-key-file", key, "--out", join(dir, out)]);

  it("refuses a key that is too short to be secret, or not there", () => {
    const short = run(file("short.key", "ab"), "short.jsonl");
    expect(short.status).toBe(2);
    expect(short.stderr).toMatch(/short\.key holds 2 bytes, a key needs at least 16/);
    const missing = run(join(dir, "none.key"), "none.jsonl");
    expect(missing.status).toBe(2);
    expect(missing.stderr).toMatch(/none\.key cannot be read \(ENOENT\)/);
  });

  it("takes one of 16 bytes, and fingerprints differ by the key", () => {
    const written = ["a", "b"].map((letter) => {
      expect(run(file(`${letter}.key`, letter.repeat(16)), `${letter}.jsonl`).status).toBe(0);
      return /"block_hashes": ?\[[^\]]+\]/.exec(readFileSync(join(dir, `${letter}.jsonl`), "utf8"))?.[0];
    });
    expect(written[0]).toBeDefined();
    expect(written[1]).not.toBe(written[0]);
  });
});

describe("prefixlab import", () => {
  it("lists every format with what it is", () => {
    const { stdout } = runCli(["import", "--help"]);
    for (const format of ["claude-code", "otel", "dynamo", "agentic-mooncake", "lmcache", "mooncake"])
      expect(stdout).toMatch(new RegExp(`^ {2}${format} +\\S`, "m"));
  });

  it("--time-unit overrules what the values look like", () => {
    const rows = [0, 250, 500].map((timestamp) =>
      JSON.stringify({ timestamp, prompt: "what?", max_tokens: 3 }),
    );
    const log = file("units.jsonl", `${rows.join("\n")}\n`);
    const out = join(dir, "units.out.jsonl");
    const { status, stderr } = runCli([
      "import",
      "--format",
      "openai-log",
      log,
      "--time-unit",
      "us",
      "--out",
      out,
    ]);
    expect(status).toBe(0);
    expect(stderr).not.toContain("timestamp");
    expect(readFileSync(out, "utf8")).toContain('"arrival_ms": 0.5');
  });

  it("--tokenizer counts and hashes in its tokens", () => {
    const model = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };
    const parts = {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
    };
    const tokenizer = file("tokenizer.json", JSON.stringify({ model, ...parts }));
    const log = file("text.jsonl", `${JSON.stringify({ timestamp: 1, prompt: "abab", max_tokens: 3 })}\n`);
    const out = join(dir, "text.out.jsonl");
    expect(
      runCli(["import", "--format", "openai-log", log, "--tokenizer", tokenizer, "--out", out]).status,
    ).toBe(0);
    expect(readFileSync(out, "utf8")).toContain('"prompt_tokens": 2');
    const none = runCli(["import", "--format", "openai-log", log, "--tokenizer", log, "--out", out]);
    expect(none.status).toBe(2);
    expect(none.stderr).toContain("is no tokenizer.json");
  });
});
