import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { lines, row } from "./rows.js";
import { runCli } from "./run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab cli "));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const compressed = gzipSync(
  lines(...Array.from({ length: 400 }, (_, i) => row({ arrival_ms: 10 * i, ttft_ms: 20 + Math.sin(i) }))),
);

/** Each input, and whether `inspect` takes it (0) or refuses it (2), with words that the user must see. */
const inputs: [title: string, path: string, status: number, said: RegExp][] = [
  ["an empty file", file("empty.jsonl", ""), 2, /no|empty/i],
  ["a file that is not there", join(dir, "missing.jsonl"), 2, /missing\.jsonl/],
  ["a directory", dir, 2, /directory|folder/i],
  ["a file that is no JSON", file("prose.txt", "once upon a time\nthere was a server\n"), 2, /JSON/],
  ["no meta line", file("bare.jsonl", lines(row())), 0, /1 requests/],
  ["only a meta line", file("meta.jsonl", lines('{"meta":{}}')), 2, /no/i],
  [
    "a gzip stream cut off",
    file("cut.jsonl.gz", compressed.subarray(0, compressed.length - 400)),
    0,
    /cut|truncated|incomplete|ended/i,
  ],
  ["a last line cut off", file("cutline.jsonl", `${row()}\n${row().slice(0, 60)}`), 0, /line 2/],
  ["a negative number", file("negative.jsonl", lines(row(), row({ ttft_ms: -4 }))), 0, /line 2.*-4/],
  ["NaN", file("nan.jsonl", lines(row(), row().replace('"ttft_ms":20', '"ttft_ms":NaN'))), 0, /line 2/],
  [
    "a chain longer than the prompt",
    file("long.jsonl", lines(row(), row({ block_hashes: [1, 2, 3, 4] }))),
    0,
    /line 2.*block/i,
  ],
  [
    "itl_ms and itl_tokens of different lengths",
    file("lengths.jsonl", lines(row(), row({ itl_tokens: [1] }))),
    0,
    /line 2.*itl_tokens/,
  ],
  ["duplicate rows", file("twice.jsonl", lines(row(), row())), 0, /duplicate|twice|same/i],
  [
    "records out of order",
    file("order.jsonl", lines(row({ arrival_ms: 90 }), row({ arrival_ms: 10 }))),
    0,
    /2 requests/,
  ],
  ["no arrivals", file("timeless.jsonl", lines(row({ arrival_ms: undefined }))), 0, /arrival/i],
  ["no hashes", file("hashless.jsonl", lines(row({ block_hashes: undefined }))), 0, /no sharing is assumed/],
];

describe("inspect on bad input", () => {
  it.each(inputs)("%s: a clear answer, never a stack trace", (_, path, status, said) => {
    const result = runCli(["inspect", path]);
    expect(result.stdout + result.stderr).toMatch(said);
    expect(result.stderr).not.toMatch(/^\s+at .*\(/m);
    expect(result.status).toBe(status);
  });

  it("makes a bad row fatal with --strict", () => {
    const result = runCli(["inspect", join(dir, "negative.jsonl"), "--strict"]);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/line 2/);
  });
});

describe("the other commands on bad input", () => {
  it("fit refuses a fitting set that is too small, and says what is missing", () => {
    const result = runCli(["fit", file("one.jsonl", lines(row()))]);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/too little to fit/);
  });

  it("replay refuses a trace without arrivals", () => {
    const result = runCli(["replay", join(dir, "timeless.jsonl"), "--profile", "h200-qwen3-8b"]);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/arrival/);
  });

  it("replay takes one request only", () => {
    const result = runCli(["replay", join(dir, "bare.jsonl"), "--profile", "h200-qwen3-8b", "--json"]);
    expect(result.status).toBe(0);
    const document = JSON.parse(result.stdout);
    expect(document.requests).toBe(1);
    expect(document.verdict).toBe("none");
  });

  it("replay says that a trace without hashes shares nothing", () => {
    const result = runCli(["replay", join(dir, "hashless.jsonl"), "--profile", "h200-qwen3-8b"]);
    expect(result.stdout).toMatch(/no block hashes/);
  });

  it("replay wants exactly one source of latency", () => {
    const result = runCli(["replay", join(dir, "bare.jsonl")]);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/--latency-trace/);
  });

  it("replay names a file that is no latency model, and says what writes one", () => {
    const path = file("no model.json", "{}");
    const result = runCli(["replay", join(dir, "bare.jsonl"), "--latency-model", path]);
    expect(result.status).toBe(2);
    expect(result.stderr).toContain(`${path} is no latency model, as 'prefixlab fit --out' writes it`);
  });

  it("sessions answers on one request and on equal prompts", () => {
    const one = runCli(["sessions", join(dir, "bare.jsonl"), "--json"]);
    expect(JSON.parse(one.stdout)).toMatchObject([{ index: 0, parent: null, turn: 1 }]);
    const same = runCli(["sessions", file("same.jsonl", lines(row(), row({ arrival_ms: 500 }))), "--json"]);
    expect(JSON.parse(same.stdout)).toHaveLength(2);
  });

  it.each([
    ["no command", [], 0],
    ["an unknown command", ["predict"], 2],
    ["an unknown flag", ["inspect", "x.jsonl", "--fast"], 2],
    ["a flag's value that is no number", ["replay", "x.jsonl", "--seeds", "many"], 2],
    ["a missing argument", ["inspect"], 2],
  ] as const)("%s", (_, args, status) => {
    const result = runCli(args);
    expect(result.status).toBe(status);
    expect(result.stderr).not.toMatch(/^\s+at .*\(/m);
  });

  it.each([
    "figure",
    "inspect",
    "sessions",
    "fit",
    "replay",
    "loadgen",
    "tap",
    "serve",
    "import",
    "export",
    "sweep",
    "notebook",
  ])("%s --help has an example", (command) => {
    const result = runCli([command, "--help"]);
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/Example/);
  });
});
