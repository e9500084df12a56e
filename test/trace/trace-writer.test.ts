import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  readTrace,
  recordFromLine,
  recordToLine,
  TraceWriter,
  writeTrace,
} from "../../lib/trace/files/index.js";
import { BlockTable, type TraceRecord } from "../../lib/trace/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();
const u64 = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 0n, max: 1n << 54n }));
const ms = fc.oneof(
  fc.double({ min: 0, max: 1e9, noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x)),
  fc.integer({ min: 0, max: 1e9 }).map((x) => x / 1000),
);
const count = fc.integer({ min: 0, max: 1e6 });

/** A row of the schema as a line of text, and the digits of its hashes. */
const rowText = fc
  .record({
    hashes: fc.array(u64, { maxLength: 20 }),
    gaps: fc.array(ms, { maxLength: 20 }),
    tail: count,
    ttft: ms,
  })
  .map(({ hashes, gaps, tail, ttft }) => {
    const prompt = hashes.length * 16 + (tail % 16);
    return (
      `{"prompt_tokens": ${prompt}, "output_tokens": ${gaps.length + 1}, "ttft_ms": ${ttft}, ` +
      `"itl_ms": [${gaps.join(", ")}], "arrival_ms": ${tail}, "block_hashes": [${hashes.join(", ")}]}`
    );
  });

describe("lines", () => {
  it("come back digit for digit: 64-bit hashes and doubles of any length", () => {
    fc.assert(
      fc.property(rowText, (line) => {
        const blocks = new BlockTable();
        const parsed = recordFromLine(line, blocks);
        expect("record" in parsed && recordToLine(parsed.record, blocks)).toBe(line);
      }),
      { numRuns: 500 },
    );
  });

  it("read numbers as JSON.parse does, however they are spelled", () => {
    const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?$/);
    fc.assert(
      fc.property(
        fc.array(
          digits.filter((text) => Number(text) < 8e15),
          { minLength: 1, maxLength: 5 },
        ),
        fc.constantFrom(",", " , ", ",\t"),
        (texts, comma) => {
          const line = `{"prompt_tokens":1,"output_tokens":9,"itl_ms":[ ${texts.join(comma)} ]}`;
          const parsed = recordFromLine(line, new BlockTable());
          expect("record" in parsed && [...parsed.record.itlMs!]).toEqual(texts.map(Number));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("refuse what is no row, naming the field", () => {
    expect(() => recordFromLine('{"prompt_tokens": -1, "output_tokens": 1}', new BlockTable())).toThrow(
      "recordFromLine: prompt_tokens must be a non-negative integer, got -1",
    );
    expect(recordFromLine('{"meta": {"gpu": "x"}}', new BlockTable())).toEqual({
      meta: { gpu: "x", extra: {} },
    });
  });
});

function sample(n: number): { blocks: BlockTable; records: TraceRecord[] } {
  const blocks = new BlockTable();
  const records = Array.from({ length: n }, (_, i) => ({
    promptTokens: 48,
    outputTokens: 3,
    arrivalMs: i,
    ttftMs: 10 + i / 7,
    itlMs: Float64Array.of(8, 9 + i / 3),
    blockIds: Int32Array.of(blocks.internBigInt(0xffffffffffffffffn - BigInt(i)), blocks.intern(0, i)),
    extra: { note: `é ${i}` },
  }));
  return { blocks, records };
}

describe("files", () => {
  it.each(["whole.jsonl", "whole.jsonl.gz"])("come back as they were written: %s", async (name) => {
    const { blocks, records } = sample(500);
    const trace = {
      meta: { source: "test", blockSize: 16, extra: { a: [1] } },
      records,
      blocks,
      rejected: [],
      warnings: [],
    };
    const path = scratch.path(name);
    await writeTrace(path, trace);
    const back = await readTrace(path, { strict: true });
    expect(back.meta).toEqual(trace.meta);
    expect(back.records).toHaveLength(500);
    const first = records.map((record) => recordToLine(record, blocks));
    expect(back.records.map((record) => recordToLine(record, back.blocks))).toEqual(first);
    expect(back.warnings).toEqual([
      { line: 2, reason: "500 rows have fewer block hashes than full blocks in the prompt" },
    ]);
  });

  it("a gzip file is a proper gzip file, smaller than its content", async () => {
    const { blocks, records } = sample(2000);
    const path = scratch.path("small.jsonl.gz");
    await writeTrace(path, { meta: { extra: {} }, records, blocks, rejected: [], warnings: [] });
    const packed = readFileSync(path);
    const text = gunzipSync(packed).toString();
    expect(text.trimEnd().split("\n")).toHaveLength(2002);
    expect(packed.length).toBeLessThan(text.length / 3);
  });

  it.each(["live.jsonl", "live.jsonl.gz"])(
    "an appended record is readable before the writer is closed: %s",
    async (name) => {
      const { blocks, records } = sample(3);
      const path = scratch.path(name);
      const writer = await TraceWriter.open(path, { meta: { source: "tap", extra: {} }, blocks });
      for (const [i, record] of records.entries()) {
        await writer.append(record);
        const back = await readTrace(path);
        expect(back.records).toHaveLength(i + 1);
        expect(back.rejected).toEqual([]);
      }
      await writer.close();
      await writer.close();
      expect((await readTrace(path, { strict: true })).records).toHaveLength(3);
      await expect(writer.append(records[0]!)).rejects.toThrow("the writer is closed");
    },
  );

  it("records appended without waiting keep their order", async () => {
    const { blocks, records } = sample(200);
    const path = scratch.path("burst.jsonl.gz");
    const writer = await TraceWriter.open(path, { blocks });
    await Promise.all(records.map((record) => writer.append(record)));
    await writer.close();
    expect((await readTrace(path)).records.map((r) => r.arrivalMs)).toEqual(records.map((r) => r.arrivalMs));
  });

  it("a place that cannot be written is a clear error", async () => {
    await expect(TraceWriter.open(scratch.path("no/such/folder.jsonl"))).rejects.toThrow(
      /cannot be written \(ENOENT\)/,
    );
  });
});
