import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { afterAll, describe, expect, it } from "vitest";
import { readTrace, writeTrace } from "../../lib/trace/files/index.js";
import { fromRoot, runCli } from "./run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab robust "));
afterAll(() => rmSync(dir, { recursive: true }));

let files = 0;
function write(content: string | Uint8Array, name = "t.jsonl"): string {
  const path = join(dir, `${files++}-${name}`);
  writeFileSync(path, content);
  return path;
}

const gaps = Array.from({ length: 23 }, (_, k) => 9 + (k % 9) / 100);
interface Row {
  readonly [field: string]: unknown;
}

/** Rows of requests alone on an engine, some fields of one of them replaced. */
function rows(n: number, at = -1, changed: Row = {}, meta: Row = {}): string {
  const all = Array.from({ length: n }, (_, k) => ({
    prompt_tokens: 200 + 20 * (k % 9),
    cached_tokens: 0,
    output_tokens: 24,
    arrival_ms: 600 * k,
    ttft_ms: 60 + 2 * (k % 9),
    itl_ms: gaps,
    concurrency: 1,
    finish_reason: "length",
    elapsed_ms: 300,
    ...(k === at && changed),
  }));
  const first = { source: "synthetic", max_num_batched_tokens: 2048, max_num_seqs: 64, ...meta };
  return [{ meta: first }, ...all].map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** What a terminal acts on, but for line ends and tabs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe("a row that claims more than it can hold", () => {
  it.each([
    [
      "a hundred million tokens",
      { output_tokens: 1e8 },
      "output_tokens is 100000000, but 23 gaps belong to 24 tokens in",
    ],
    ["ten million", { output_tokens: 1e7 }, "output_tokens is 10000000, but 23 gaps belong to 24 tokens in"],
    [
      "two million within its elapsed time",
      { output_tokens: 2e6, itl_ms: null },
      "no engine makes so many in 300 ms",
    ],
    [
      "two billion without times",
      { output_tokens: 2e9, itl_ms: null, elapsed_ms: null },
      "no model writes more than 2097152",
    ],
    ["two billion prompt tokens", { prompt_tokens: 2e9 }, "no model reads more than 16777216"],
    [
      "chunks of a million",
      { output_tokens: 2e7, itl_tokens: gaps.map(() => 800_000) },
      "23 gaps belong to 24 tokens in",
    ],
    [
      "a time that no clock shows",
      { arrival_ms: 1e300 },
      "arrival_ms must be a time in ms, up to 8640000000000000",
    ],
  ])("%s: is left out and named, and costs no time", (_, changed, reason) => {
    const path = write(rows(40, 12, changed));
    const inspect = runCli(["inspect", path]);
    expect(inspect.stdout).toContain("39 requests, 39 completed, 0 censored; 1 rows rejected");
    expect(inspect.stderr).toContain("line 14: ");
    expect(inspect.stderr).toContain(reason);
    const fit = runCli(["fit", path, "--out", join(dir, "model.json")]);
    expect([fit.status, fit.stderr]).toEqual([0, expect.stringContaining(reason)]);
  });

  it("a meta line of the kind is refused by name", () => {
    for (const [key, value] of [
      ["num_gpu_blocks", 2 ** 31],
      ["data_parallel_size", 2 ** 31],
    ] as const) {
      const { status, stderr } = runCli([
        "replay",
        write(rows(9, -1, {}, { [key]: value })),
        "--profile",
        "h200-qwen3-8b",
      ]);
      expect([status, stderr]).toEqual([2, expect.stringContaining(`meta.${key} must be`)]);
    }
  });
});

describe("text of a file on a terminal", () => {
  const hostile = "m\u001b[2J\u001b[31mred\u0007\u009b5m\u202egnp.exe\u0000\u007f\r\n  8 requests";

  it("is shown escaped, by every command that shows it, and stays JSON with --json", () => {
    const path = write(
      rows(
        8,
        3,
        { finish_reason: hostile, session: hostile, [hostile]: 1 },
        { model: hostile, source: hostile },
      ),
    );
    const broken = write(`${rows(8)}${hostile}\n{"prompt_tokens": "${hostile}"}\n`);
    for (const args of [
      ["inspect", path],
      ["inspect", broken],
      ["sessions", path],
      ["replay", path, "--profile", "h200-qwen3-8b"],
      ["sql", "SELECT finish_reason, session FROM requests", path],
      ["sql", hostile, path],
      ["import", "--format", "csv", broken, "--out", join(dir, "none.jsonl")],
      ["export", "--format", hostile, path, "--out", join(dir, "none.csv")],
      ["inspect", join(dir, hostile.replace("\0", ""))],
    ]) {
      const { stdout, stderr } = runCli(args.map((arg) => arg.replace("\0", "")));
      expect([args.join(" "), controls.exec(stdout + stderr)?.[0]]).toEqual([args.join(" "), undefined]);
    }
    expect(runCli(["inspect", path]).stdout).toContain(
      "m\\u001b[2J\\u001b[31mred\\u0007\\u009b5m\\u202egnp.exe\\u0000\\u007f",
    );
    expect(runCli(["inspect", path]).stdout).not.toMatch(/^ {2}8 requests$/m);
    const { meta } = JSON.parse(runCli(["inspect", path, "--json"]).stdout);
    expect(meta.model).toBe(hostile);
  });
});

describe("a text in another encoding", () => {
  const text = '{"timestamp": 0, "input_length": 1024, "output_length": 8, "hash_ids": [1, 2]}\n'.repeat(3);
  const utf16 = (bigEndian: boolean, mark: boolean, of = text) => {
    const bytes = Buffer.from((mark ? "\ufeff" : "") + of, "utf16le");
    return bigEndian ? bytes.swap16() : bytes;
  };

  it.each([
    ["UTF-16 as Windows writes it", utf16(false, true)],
    ["UTF-16, big end first", utf16(true, true)],
    ["UTF-16 without a mark", utf16(false, false)],
    ["UTF-16, big end first, without a mark", utf16(true, false)],
    ["UTF-16, packed", gzipSync(utf16(false, true))],
    ["UTF-8 with a mark", Buffer.from(`\ufeff${text}`)],
    ["lines that end as on Windows", Buffer.from(text.replaceAll("\n", "\r\n"))],
  ])("%s is read", async (_, bytes) => {
    const out = join(dir, "read.jsonl");
    const { stdout, status } = runCli(["import", "--format", "mooncake", write(bytes), "--out", out]);
    expect([status, stdout]).toEqual([0, `3 requests, 0 rows rejected; wrote ${out}\n`]);
    expect((await readTrace(out)).records.map(({ promptTokens }) => promptTokens)).toEqual([
      1024, 1024, 1024,
    ]);
  });

  it("is read by every reader: the tap schema, CSV, a JSON document, cells of a sweep, a model", () => {
    expect(runCli(["inspect", write(utf16(false, true, rows(8)))]).stdout).toContain("8 requests");
    const csv = "arrival_ms,prompt_tokens,output_tokens\n0,10,2\n5,10,2\n";
    const columns = "arrival_ms=arrival_ms,prompt_tokens=prompt_tokens,output_tokens=output_tokens";
    const out = join(dir, "read.jsonl");
    const imported = runCli([
      "import",
      "--format",
      "csv",
      "--columns",
      columns,
      write(utf16(false, true, csv)),
      "--out",
      out,
    ]);
    expect(imported.stdout).toContain("2 requests, 0 rows rejected");
    const model = join(dir, "utf8-model.json");
    expect(runCli(["fit", write(rows(40)), "--out", model]).status).toBe(0);
    const wide = write(utf16(true, true, readFileSync(model, "utf8")), "model.json");
    const replay = runCli(["replay", write(rows(8)), "--latency-model", wide, "--json"]);
    expect(JSON.parse(replay.stdout).requests).toBe(8);
  });

  it("or packed otherwise is named", () => {
    for (const [bytes, name] of [
      [Buffer.from("28b52ffd00000000", "hex"), "zstd"],
      [Buffer.from("fd377a585a000000", "hex"), "xz"],
      [Buffer.from("504b030414000000", "hex"), "a zip archive"],
      [Buffer.from("fffe00007b000000", "hex"), "UTF-32"],
    ] as const) {
      const { status, stderr } = runCli(["inspect", write(bytes)]);
      expect([status, stderr]).toEqual([2, expect.stringContaining(`is ${name}`)]);
    }
  });
});

describe("numbers beyond a double", () => {
  it("in the meta line and in fields that are only carried through are told, and left out of what is written", async () => {
    const text = rows(
      8,
      2,
      { note: { deep: [1, "NUMBER"] }, far: "NUMBER" },
      { pattern: "NUMBER" },
    ).replaceAll('"NUMBER"', "1e999");
    const path = write(text);
    const { stdout } = runCli(["inspect", path, "--json"]);
    const { meta, problems, requests } = JSON.parse(stdout);
    expect([requests, "pattern" in meta]).toEqual([8, false]);
    expect(JSON.stringify(problems)).toMatch(/meta\.pattern is a number beyond/);
    expect(runCli(["inspect", path]).stderr).toMatch(
      /note\.deep\[1\] is a number beyond.*far is a number beyond/s,
    );
    const copy = join(dir, "copy.jsonl");
    await writeTrace(copy, await readTrace(path));
    expect(readFileSync(copy, "utf8")).not.toMatch(/null, |: null/);
  });

  it("in known fields make a row that cannot be used", () => {
    const path = write(rows(8, 2, { ttft_ms: "NUMBER" }).replaceAll('"NUMBER"', "1e999"));
    expect(runCli(["inspect", path]).stderr).toContain("ttft_ms must be a finite number >= 0, got Infinity");
  });

  it("NaN and infinities, as Python writes them, count as missing", () => {
    let text = rows(12);
    for (const [at, word] of [
      [3, "NaN"],
      [5, "Infinity"],
      [7, "-Infinity"],
    ] as const) {
      const lines = text.split("\n");
      lines[at] = lines[at]!.replace(/"ttft_ms":\d+/, `"ttft_ms": ${word}`);
      text = lines.join("\n");
    }
    const { stdout, stderr } = runCli(["inspect", write(text)]);
    expect(stdout).toMatch(/12 requests.*0 rows rejected/);
    expect(stdout).toMatch(/TTFT .*max of 9\)/);
    expect(stderr).toContain("line 4: 3 rows hold NaN or an infinity: they count as missing");
  });
});

describe("CSV for a spreadsheet", () => {
  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", '=HYPERLINK("http://x")'])(
    "has no cell that runs: %j",
    (text) => {
      const out = join(dir, "out.csv");
      const path = write(rows(2, 1, { finish_reason: text, session: text, turn: 1 }));
      expect(runCli(["export", "--format", "csv", path, "--out", out]).status).toBe(0);
      const csv = readFileSync(out, "utf8");
      for (const cells of parse(csv) as string[][])
        for (const cell of cells) expect(cell).not.toMatch(/^\s*[=+\-@＝]/);
      expect(csv).toContain(`'${text.replaceAll('"', '""')}`);
    },
  );
});

describe("a trace without latencies", () => {
  it("is named by the figure, with what to give it", () => {
    const path = write(
      rows(8)
        .replaceAll(/"ttft_ms":\d+,/g, "")
        .replaceAll(/"itl_ms":\[[^\]]*\],/g, ""),
    );
    const { status, stderr } = runCli(["figure", "--real", path, "--out-dir", join(dir, "figure")]);
    expect(status).toBe(2);
    expect(stderr).toContain("holds no latencies (no row has a ttft_ms above 0)");
    expect(stderr).toContain("--profile NAME, --latency-trace F or --model-config F --gpu NAME");
  });
});

function sweepOf(axis: string, out: string): string[] {
  const trace = fromRoot("data", "warm-1.jsonl.gz");
  return ["sweep", trace, "--profile", "h200-qwen3-8b", "--vary", axis, "--out-dir", out];
}

describe("a sweep's cell that was damaged", () => {
  it.each(["", "{", "null", "[]", '{"seed": 7, "requests": 1}', "\0\0\0\0"])(
    "%j: is named and run again",
    (content) => {
      const out = join(dir, `sweep-${files++}`);
      const args = sweepOf("seed=1..2", out);
      expect(runCli(args).status).toBe(0);
      const before = readFileSync(join(out, "results.jsonl"), "utf8");
      const [cell] = readdirSync(join(out, "cells"));
      writeFileSync(join(out, "cells", cell!), content);
      const again = runCli(args);
      expect([again.status, again.stdout]).toEqual([0, expect.stringContaining("ran 1 cells, found 1")]);
      expect(again.stderr).toContain(`${cell}: cannot be read, its cell is run again`);
      expect(readFileSync(join(out, "results.jsonl"), "utf8")).toBe(before);
    },
  );

  it("and a sweep.json that was damaged is written again", () => {
    const out = join(dir, `sweep-${files++}`);
    const args = sweepOf("seed=1", out);
    expect(runCli(args).status).toBe(0);
    const before = readFileSync(join(out, "sweep.json"), "utf8");
    writeFileSync(join(out, "sweep.json"), before.slice(0, 9));
    expect(runCli(args).stdout).toContain("ran 0 cells, found 1");
    expect(readFileSync(join(out, "sweep.json"), "utf8")).toBe(before);
  });
});

describe("a command that is ended while it writes", () => {
  const once4 = fromRoot("data", "served-h200-1.jsonl.gz");

  /** A trace that takes a while to write. */
  async function big(): Promise<string> {
    const path = join(dir, "big.jsonl");
    if (existsSync(path)) return path;
    const trace = await readTrace(once4);
    await writeTrace(path, { ...trace, records: Array.from({ length: 4 }, () => trace.records).flat() });
    return path;
  }

  it.each([
    ["tap", "SIGINT"],
    ["tap", "SIGTERM"],
    ["tap", "SIGKILL"],
    ["csv", "SIGINT"],
    ["perfetto", "SIGTERM"],
    ["mooncake", "SIGINT"],
    ["parquet", "SIGTERM"],
  ] as const)(
    "export --format %s, %s: the earlier file is as it was, or the new one whole",
    async (format, signal) => {
      const path = await big();
      const home = mkdtempSync(join(dir, "ended "));
      const out = join(home, "out");
      writeFileSync(out, "earlier");
      const whole = join(dir, `whole-${format}`);
      if (!existsSync(whole))
        expect(runCli(["export", "--format", format, path, "--out", whole]).status).toBe(0);
      const child = spawn(
        process.execPath,
        [fromRoot("dist", "cli", "main.js"), "export", "--format", format, path, "--out", out],
        { stdio: "ignore" },
      );
      const ended = once(child, "exit");
      // As soon as something of the new file is there.
      while (child.exitCode === null && readdirSync(home).length === 1)
        await new Promise((resolve) => setImmediate(resolve));
      child.kill(signal);
      const [code, by] = await ended;
      const isOld = readFileSync(out).equals(Buffer.from("earlier"));
      expect(isOld || readFileSync(out).equals(readFileSync(whole))).toBe(true);
      if (code === 0) expect(isOld).toBe(false);
      else expect(by).toBe(signal);
      if (signal !== "SIGKILL") expect(readdirSync(home)).toEqual(["out"]);
    },
  );
});
