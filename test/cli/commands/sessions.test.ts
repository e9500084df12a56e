import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../run-cli.js";

const WARM = "data/warm-1.jsonl.gz";

describe("prefixlab sessions", () => {
  it("prints an array in arrival order of index, parent, turn and session, with the reasons", () => {
    const { status, stdout, stderr } = runCli(["sessions", WARM]);
    expect(status).toBe(0);
    const rows = JSON.parse(stdout) as Record<string, unknown>[];
    expect(rows[0]).toMatchObject({ index: 0, parent: null, turn: 1, session: 0, kind: "root", fork: false });
    rows.forEach((row, i) => {
      expect(row.index).toBe(i);
      if (row.parent === null) expect(row.turn).toBe(1);
      else {
        const parent = rows[row.parent as number] as Record<string, unknown>;
        expect(row.turn).toBe((parent.turn as number) + 1);
        expect(row.session).toBe(parent.session);
        expect(row.why).toMatch(/goes on with its recorded answer|holds all/);
      }
    });
    expect(stderr).toContain(`${rows.length} requests`);
  });

  it("prints nothing but JSON with --json", () => {
    const { status, stdout, stderr } = runCli(["sessions", WARM, "--json"]);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(Array.isArray(JSON.parse(stdout))).toBe(true);
  });

  it("scores against the recorded sessions with --truth", () => {
    const { status, stdout } = runCli(["sessions", WARM, "--truth", "--json"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ precision: 1, recall: 1, adjusted_rand_index: 1 });
  });

  it("refuses --truth where the trace names no sessions", () => {
    const folder = mkdtempSync(join(tmpdir(), "prefixlab sessions "));
    const path = join(folder, "nameless.jsonl");
    writeFileSync(
      path,
      '{"prompt_tokens":16,"output_tokens":1,"ttft_ms":5,"arrival_ms":0,"block_hashes":[7]}\n',
    );
    const { status, stdout, stderr } = runCli(["sessions", path, "--truth"]);
    rmSync(folder, { recursive: true });
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("has no sessions, turns or parents to score against");
  });
});
