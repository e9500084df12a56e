import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { InputError, stream } from "../../lib/base/index.js";
import { readTrace, readTraceRows, recordToLine } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { scratchFolder, sharedData } from "./helpers.js";

const scratch = scratchFolder();
const meta = '{"meta": {"source": "test", "block_size": 16, "tp": 2}}';
let files = 0;

function read(lines: readonly string[], strict = false): Promise<Trace> {
  return readTrace(scratch.write(`t${files++}.jsonl`, lines.map((line) => `${line}\n`).join("")), { strict });
}

function row(fields: string): string {
  return `{"prompt_tokens": 64, "output_tokens": 3${fields && `, ${fields}`}}`;
}

/** The reason for which a row with these fields is left out, when a good row stands beside it. */
async function reasonFor(line: string): Promise<string | undefined> {
  const trace = await read([meta, row('"arrival_ms": 1'), line]);
  if (trace.rejected.length > 0) {
    expect(trace.rejected[0]?.line).toBe(3);
    expect(trace.records).toHaveLength(1);
    await expect(read([meta, row(""), line], true)).rejects.toThrow(/line 3: /);
  }
  return trace.rejected[0]?.reason;
}

const reasons = (trace: Trace) => trace.warnings.map(({ reason }) => reason).join("\n");

describe("a good trace", () => {
  it("keeps every field, and unknown ones with it", async () => {
    const line = row(
      '"cached_tokens": 32, "ttft_ms": 12.5, "itl_ms": [8.25, 9], "itl_tokens": [1, 1], ' +
        '"itl_ctx": {"num_running": [1, 2], "prefill_tokens": [0, 512]}, "concurrency": 2, "arrival_ms": 7.5, ' +
        '"block_hashes": [18446744073709551615, 0, 9007199254740993], "output_block_hashes": [1], ' +
        '"output_token_ids": [5, 6, 7], "mm_hashes": ["a"], "finish_reason": "length", "elapsed_ms": 30, ' +
        '"session": "s é", "turn": 2, "note": {"block_hashes": [1]}',
    );
    const trace = await read([meta, line]);
    expect(trace.rejected).toEqual([]);
    expect(trace.meta).toEqual({ source: "test", blockSize: 16, extra: { tp: 2 } });
    const record = trace.records[0]!;
    expect(record).toMatchObject({
      promptTokens: 64,
      cachedTokens: 32,
      outputTokens: 3,
      ttftMs: 12.5,
      concurrency: 2,
      arrivalMs: 7.5,
      finishReason: "length",
      elapsedMs: 30,
      session: "s é",
      turn: 2,
      extra: { mm_hashes: ["a"], note: { block_hashes: [1] } },
    });
    expect([...record.itlMs!]).toEqual([8.25, 9]);
    expect([...record.itlTokens!]).toEqual([1, 1]);
    expect([...record.itlCtx!.prefillTokens]).toEqual([0, 512]);
    expect([...record.outputTokenIds!]).toEqual([5, 6, 7]);
    expect([...record.blockIds!].map((id) => trace.blocks.text(id))).toEqual([
      "18446744073709551615",
      "0",
      "9007199254740993",
    ]);
    expect(recordToLine(record, trace.blocks)).toContain('"output_block_hashes": [1]');
  });

  it("stands equal hashes for equal blocks across rows", async () => {
    const trace = await read([meta, row('"block_hashes": [5, 6]'), row('"block_hashes": [5, 7]')]);
    expect(trace.records.map((r) => [...r.blockIds!])).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it("reads a summary where the gaps were not recorded", async () => {
    const trace = await read([row('"itl_summary": {"mean_ms": 8.5, "count": 2}')]);
    expect(trace.records[0]?.itlSummary).toEqual({ meanMs: 8.5, count: 2 });
  });

  it("takes null for missing", async () => {
    const trace = await read([row('"ttft_ms": null, "block_hashes": null, "itl_ctx": null')]);
    expect(trace.records[0]).toEqual({ promptTokens: 64, outputTokens: 3 });
  });

  it("accepts a byte order mark, CRLF line ends, blank lines and no final newline", async () => {
    const text = `\ufeff${meta}\r\n\r\n  \n${row('"arrival_ms": 1')}\r\n${row('"arrival_ms": 2')}`;
    const trace = await readTrace(scratch.write("dos.jsonl", text));
    expect(trace.records).toHaveLength(2);
    expect(trace.rejected).toEqual([]);
    expect(reasons(trace)).not.toContain("cut");
  });

  it("decompresses gzip, also of several members and under another name", async () => {
    const bytes = Buffer.concat([gzipSync(`${meta}\n${row("")}\n`), gzipSync(`${row('"turn": 2')}\n`)]);
    for (const name of ["two.jsonl.gz", "two.jsonl"]) {
      const trace = await readTrace(scratch.write(name, bytes));
      expect(trace.records).toHaveLength(2);
      expect(reasons(trace)).not.toContain("gzip");
    }
  });

  it("reports progress up to the size of the file", async () => {
    const path = scratch.write("progress.jsonl", `${row("")}\n`);
    let last = { bytesRead: 0, totalBytes: 0, records: 0 };
    await readTrace(path, {
      onProgress: (progress) => {
        last = progress;
      },
    });
    expect(last).toEqual({ bytesRead: last.totalBytes, totalBytes: readFileSync(path).length, records: 1 });
  });

  it.skipIf(!existsSync(sharedData))(
    "reads the public files of the schema (skipped where ../shared/data is absent)",
    async () => {
      for (const [name, records] of [
        ["gemma4_mm_trace", 4],
        ["spec_decode_trace", 8],
        ["diffusion_block_trace", 6],
      ] as const) {
        const path = `${sharedData}vllm-vcr/${name}.jsonl`;
        const trace = await readTrace(path, { strict: true });
        expect(trace.records).toHaveLength(records);
        const lines = readFileSync(path, "utf8").trimEnd().split("\n");
        const canonical = (line: string) =>
          line.replaceAll(/[\d.]+/g, (digits) => (digits.includes(".") ? `${Number(digits)}` : digits));
        const written = trace.records.map((record) => recordToLine(record, trace.blocks));
        expect(written.map(sortedFields)).toEqual(lines.slice(1).map(canonical).map(sortedFields));
      }
    },
  );
});

/** The fields of a one-line object, sorted: for comparing lines whose fields stand in another order. */
function sortedFields(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/, (?="\w+": )/)
    .sort();
}

describe("bad rows are left out with their line and reason, or fatal under strict", () => {
  it.each([
    ['{"output_tokens": 3}', "prompt_tokens is missing"],
    ['{"prompt_tokens": 3}', "output_tokens is missing"],
    ['{"prompt_tokens": -3, "output_tokens": 3}', "prompt_tokens must be a non-negative integer, got -3"],
    ['{"prompt_tokens": 3.5, "output_tokens": 3}', "prompt_tokens must be a non-negative integer, got 3.5"],
    ['{"prompt_tokens": "64", "output_tokens": 3}', 'prompt_tokens must be a non-negative integer, got "64"'],
    [
      '{"prompt_tokens": 1e300, "output_tokens": 3}',
      "prompt_tokens must be a non-negative integer up to 2147483647, got 1e+300",
    ],
    [row('"ttft_ms": -0.5'), "ttft_ms must be a finite number >= 0, got -0.5"],
    [row('"ttft_ms": nan'), "ttft_ms must be a finite number, got nan"],
    [row('"prompt_tokens": NaN'), "prompt_tokens is missing"],
    [row('"ttft_ms": 1e16'), "ttft_ms must be a time in ms, up to 8640000000000000, got 10000000000000000"],
    [row('"arrival_ms": 1e999'), "arrival_ms must be a finite number >= 0, got Infinity"],
    [row('"itl_ms": [1, NaN]'), "itl_ms[1] must be a finite number >= 0, got NaN"],
    [row('"itl_ms": [1.123456789012345678, -2]'), "itl_ms[1] must be a finite number >= 0, got -2"],
    [
      row('"itl_ms": [1.123456789012345678, Infinity]'),
      "itl_ms[1] must be a finite number >= 0, got Infinity",
    ],
    [row('"itl_ms": [1, "2"]'), 'itl_ms[1] must be a finite number >= 0, got "2"'],
    [row('"itl_ms": [1, 2'), "itl_ms is not closed: the line is cut"],
    [row('"itl_ms": "fast"'), 'itl_ms must be one array of numbers, got "fast"'],
    [row('"itl_ms": [1, 2], "itl_tokens": [1]'), "itl_tokens has 1 entries but itl_ms has 2"],
    [row('"itl_tokens": [1]'), "itl_tokens has 1 entries but itl_ms has none"],
    [row('"itl_ms": [1, 2], "itl_tokens": [2, 2]'), "itl_tokens add up to 4, more than output_tokens (3)"],
    [
      row('"itl_ms": [1, 2], "itl_ctx": {"num_running": [1], "prefill_tokens": [0, 0]}'),
      "itl_ctx holds 1 num_running and 2 prefill_tokens but itl_ms has 2",
    ],
    [row('"itl_ms": [1, 2], "itl_ctx": {}'), "itl_ctx must hold the arrays num_running and prefill_tokens"],
    [row('"itl_ctx": 4'), "itl_ctx must be an object, got 4"],
    [row('"itl_summary": {"mean_ms": 4}'), "itl_summary must hold mean_ms and count"],
    [
      row('"block_hashes": [1, 2, 3, 4, 5]'),
      "block_hashes has 5 entries: 5 blocks of 16 tokens are more than prompt_tokens (64)",
    ],
    [
      row('"block_hashes": [1, 2, 3, 4], "output_block_hashes": [5]'),
      "block_hashes and output_block_hashes have 5 entries: 5 blocks of 16 tokens are more than prompt and output (67 tokens)",
    ],
    [row('"block_hashes": [-1]'), "block_hashes[0] must be an unsigned 64-bit integer, got -1"],
    [row('"block_hashes": [1.5]'), "block_hashes[0] must be an unsigned 64-bit integer, got 1.5"],
    [
      row('"block_hashes": [1, 18446744073709551616]'),
      "block_hashes[1] must be an unsigned 64-bit integer, got 18446744073709551616",
    ],
    [
      row('"block_hashes": [1, 184467440737095516150]'),
      "block_hashes[1] must be an unsigned 64-bit integer, got 184467440737095516150",
    ],
    [
      row('"block_hashes": [1, 99999999999999999999]'),
      "block_hashes[1] must be an unsigned 64-bit integer, got 99999999999999999999",
    ],
    [row('"block_hashes": ["1"]'), 'block_hashes[0] must be an unsigned 64-bit integer, got "1"'],
    [row('"block_hashes": [1], "block_hashes": 5'), "block_hashes must be one array of numbers, got 5"],
    [row('"block\\u005fhashes": [1]'), "block_hashes must be one array of numbers, got an array of 1"],
    [row('"output_token_ids": [-1]'), "output_token_ids[0] must be an integer from 0 to 2147483647, got -1"],
    [row('"turn": 0'), "turn must be a positive integer, got 0"],
    [row('"session": 7'), "session must be a string, got 7"],
    [row('"finish_reason": ["stop"]'), "finish_reason must be a string, got an array of 1"],
    ["[1, 2]", "a row must be a JSON object, got an array of 2"],
    ["hello", "not JSON: hello"],
    ['{"prompt_tokens": 64, "out', 'not JSON (cut or damaged): {"prompt_tokens": 64, "out'],
    [meta, "a meta line must come once, before the first record"],
  ])("%s", async (line, reason) => {
    expect(await reasonFor(line)).toBe(reason);
  });

  it("counts each bad row", async () => {
    const trace = await read([meta, row(""), "x", row('"turn": 1'), "y"]);
    expect(trace.rejected.map(({ line }) => line)).toEqual([3, 5]);
    expect(trace.records).toHaveLength(2);
  });
});

describe("a file that is no trace ends in an InputError that says what it is", () => {
  it.each([
    ["empty.jsonl", "", "holds no record"],
    ["only-meta.jsonl", `${meta}\n`, "holds no record"],
    ["one-bad.jsonl", "nope\n", "holds no usable record: 1 rejected, the first at line 1: not JSON: nope"],
    ["plain.jsonl.gz", "nope\n", "is named .gz but holds no gzip data"],
    [
      "pretty.json",
      JSON.stringify({ a: Array.from({ length: 50 }, (_, i) => i) }, null, 1),
      "For another format, import it first",
    ],
    [
      "mooncake.jsonl",
      '{"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [1]}\n',
      "looks like a Mooncake trace: for prefixlab import, --format mooncake reads it",
    ],
    [
      "azure.csv",
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,374,44\n",
      "looks like an Azure trace: for prefixlab import, --format azure reads it",
    ],
    [
      "bad-meta.jsonl",
      `{"meta": {"block_size": "big"}}\n${row("")}\n`,
      'line 1: meta.block_size must be a positive integer, got "big"',
    ],
  ])("%s", async (name, content, message) => {
    const path = scratch.write(name, content);
    const error = await readTrace(path).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toContain(`${path}: `);
    expect((error as Error).message).toContain(message);
  });

  it("a directory, a missing file, binary data", async () => {
    await expect(readTrace(scratch.path("."))).rejects.toThrow(/is a directory/);
    await expect(readTrace(scratch.path("absent.jsonl"))).rejects.toThrow(/no such file/);
    const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) & 255);
    await expect(readTrace(scratch.write("noise.bin", noise))).rejects.toThrow(InputError);
  });
});

describe("a stream that was cut off", () => {
  const lines = [
    meta,
    ...Array.from({ length: 300 }, (_, i) => row(`"arrival_ms": ${i}, "block_hashes": [${i * 7919}]`)),
  ];
  const text = lines.map((line) => `${line}\n`).join("");

  it("gives every complete record of a cut plain file, and says so", async () => {
    const trace = await readTrace(scratch.write("cut.jsonl", text.slice(0, -20)));
    expect(trace.records).toHaveLength(299);
    expect(trace.rejected.map(({ line }) => line)).toEqual([301]);
    expect(reasons(trace)).toContain("the last line is cut");
  });

  it("gives every record that a truncated gzip still holds, and a warning", async () => {
    const whole = gzipSync(text);
    for (const length of [whole.length - 1, whole.length - 8, whole.length - 9, whole.length >> 1]) {
      const path = scratch.write("cut.jsonl.gz", whole.subarray(0, length));
      const trace = await readTrace(path);
      expect(reasons(trace)).toContain("the gzip stream is cut off");
      if (length >= whole.length - 8) expect(trace.records).toHaveLength(300);
      expect(trace.records.length).toBeGreaterThan(20);
      expect(trace.rejected.length).toBeLessThanOrEqual(1);
      await expect(readTrace(path, { strict: true })).rejects.toThrow(InputError);
    }
  });

  it("gives what comes well before a damaged place in a gzip stream", async () => {
    const rng = stream("damage", "hashes");
    const many = Array.from({ length: 60_000 }, (_, i) =>
      row(`"arrival_ms": ${i}, "block_hashes": [${rng.integer(2 ** 50)}, ${rng.integer(2 ** 50)}]`),
    );
    const bytes = gzipSync(many.join("\n"));
    expect(bytes.length).toBeGreaterThan(500_000);
    bytes.fill(0xff, bytes.length - 2000, bytes.length - 1900);
    const trace = await readTrace(scratch.write("damaged.jsonl.gz", bytes));
    expect(reasons(trace)).toContain("the gzip stream is damaged");
    expect(trace.records.length).toBeGreaterThan(30_000);
    const small = gzipSync(text).fill(0xff, 100, 200);
    await expect(readTrace(scratch.write("damaged2.jsonl.gz", small))).rejects.toThrow(
      /the gzip stream is damaged/,
    );
  });
});

describe("what concerns the whole file becomes a warning", () => {
  it("rows out of order are sorted by arrival, ties in file order", async () => {
    const trace = await read([2, 1, 2, 0].map((t, i) => row(`"arrival_ms": ${t}, "turn": ${i + 1}`)));
    expect(trace.records.map((r) => r.turn)).toEqual([4, 2, 1, 3]);
    expect(trace.warnings).toContainEqual({
      line: 2,
      reason: "2 rows arrive before a row further up; records are sorted by arrival",
    });
  });

  it("no arrivals: file order; some arrivals: those without come last", async () => {
    const none = await read([row('"turn": 3'), row('"turn": 1')]);
    expect(none.records.map((r) => r.turn)).toEqual([3, 1]);
    expect(reasons(none)).toContain("no row has arrival_ms");
    const some = await read([row('"turn": 3'), row('"turn": 1, "arrival_ms": 5')]);
    expect(some.records.map((r) => r.turn)).toEqual([1, 3]);
    expect(reasons(some)).toContain("1 of 2 rows have no arrival_ms: they come last");
  });

  it("duplicates are kept and counted, also when they are far apart", async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => row(`"arrival_ms": ${i}`));
    const trace = await read([...lines, lines[0]!, lines[4321]!]);
    expect(trace.records).toHaveLength(5002);
    expect(trace.warnings).toContainEqual({
      line: 5001,
      reason: "2 rows repeat an earlier line byte for byte and are kept",
    });
    expect(reasons(await read(lines))).not.toContain("repeat");
  });

  it("no hashes: no sharing is assumed; one request; no latencies; short chains", async () => {
    const trace = await read([row("")]);
    expect(reasons(trace)).toContain("no row has block_hashes: no sharing between prompts is assumed");
    expect(reasons(trace)).toContain("one request only");
    expect(reasons(trace)).toContain("no row has ttft_ms");
    const short = await read([row('"block_hashes": [1]')]);
    expect(reasons(short)).toContain("1 row has fewer block hashes than full blocks in the prompt");
    const [sound, rounded, early] = [30, 29.4, 20].map((ms) => row(`"ttft_ms": 30, "elapsed_ms": ${ms}`));
    const before = await read([meta, sound, early, early]);
    expect(before.warnings).toContainEqual({
      line: 3,
      reason: "2 rows have a ttft_ms above elapsed_ms: one of the two is not what it says",
    });
    expect(reasons(await read([meta, sound, rounded]))).not.toContain("elapsed_ms");
  });

  it("times in seconds or microseconds are pointed out, milliseconds are not", async () => {
    const at = (factor: number) =>
      read(
        Array.from({ length: 40 }, (_, i) => {
          const t = (ms: number) => ms * factor;
          return row(
            `"arrival_ms": ${t(i * 900)}, "concurrency": 2, "ttft_ms": ${t(30 + i)}, "itl_ms": [${t(9)}, ${t(11)}]`,
          );
        }),
      ).then(reasons);
    expect(await at(1)).not.toMatch(/look/);
    expect(await at(0.001)).toMatch(/ttft_ms: .*seconds[\s\S]*itl_ms: .*seconds[\s\S]*arrival_ms: .*seconds/);
    expect(await at(1000)).toMatch(/itl_ms: .*microseconds[\s\S]*arrival_ms: .*microseconds/);
  });

  it("arrivals of a log over months are doubtful, those of hours are not, and none is called wrong", async () => {
    const log = (count: number, gapMs: number) =>
      read(Array.from({ length: count }, (_, i) => row(`"arrival_ms": ${i * gapMs}`))).then(reasons);
    const months = await log(500, 15_552_000);
    expect(months).not.toContain("look like");
    expect(months).toContain("15552 s between requests, 90 days in all, are a sparse log, or microseconds");
    expect(await log(500, 7_200)).not.toContain("arrival_ms");
    // A day and more between two requests, for years.
    expect(await log(500, 100_000_000)).toMatch(/arrival_ms: .* look like microseconds/);
    // Seconds, or all of them at once.
    expect(await log(80, 0.35)).toContain(
      "arrival_ms: 80 requests, 2857 requests a second, are a burst, or seconds",
    );
    expect(await log(200, 0.35)).toContain("2857 requests a second look like seconds");
    expect(await log(20, 0.35)).not.toContain("arrival_ms");
  });

  it("a wall clock instead of times since the start is pointed out", async () => {
    expect(reasons(await read([row('"arrival_ms": 1787267980082')]))).toContain("a date");
  });
});

describe("the streaming form", () => {
  it("yields records in file order and fills the rest as it goes", async () => {
    const path = scratch.write(
      "s.jsonl",
      `${meta}\n${row('"arrival_ms": 2')}\nbad\n${row('"arrival_ms": 1')}\n`,
    );
    const rows = readTraceRows(path);
    const arrivals: (number | undefined)[] = [];
    for await (const record of rows) arrivals.push(record.arrivalMs);
    expect(arrivals).toEqual([2, 1]);
    expect(rows.meta.source).toBe("test");
    expect(rows.rejectedCount).toBe(1);
    expect(rows.rejected).toEqual([{ line: 3, reason: "not JSON: bad" }]);
    expect(rows.warnings.length).toBeGreaterThan(0);
  });

  it("yields the same lines however they fall on the chunks of the file", async () => {
    const hashes = (i: number) => Array.from({ length: 4 }, (_, k) => `${i * 31 + k}`).join(", ");
    const long = "x".repeat(2_500_000);
    const lines = Array.from({ length: 4000 }, (_, i) =>
      row(`"arrival_ms": ${i}, "block_hashes": [${hashes(i)}]`),
    );
    lines[1000] = row(`"arrival_ms": 1000, "note": "${long}"`);
    const trace = await read([meta, ...lines]);
    expect(trace.records).toHaveLength(4000);
    expect(trace.rejected).toEqual([]);
    expect(trace.records[1000]?.extra?.note).toBe(long);
    expect([...trace.records[3999]!.blockIds!].map((id) => trace.blocks.text(id))).toEqual(
      hashes(3999).split(", "),
    );
  });
});
