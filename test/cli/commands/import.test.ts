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
