import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { queryTraces } from "../../lib/scale/index.js";
import {
  exportFormats,
  exportTrace,
  fingerprintTokens,
  importTrace,
  internHashes,
  readTrace,
  recordToLine,
} from "../../lib/trace/files/index.js";
import { BlockTable, decodeMs, meanGapMs, type Trace, type TraceRecord } from "../../lib/trace/index.js";
import { scratchFolder, sharedData } from "./helpers.js";

const scratch = scratchFolder();

/** Requests of a few sessions with all sorts of gaps in what is known of them. */
function sample(n = 60): Trace {
  const rng = stream(11, "exporters");
  const blocks = new BlockTable();
  const shared = Array.from({ length: 600 }, () => rng.integer(50_000));
  let arrivalMs = 0;
  const records = Array.from({ length: n }, (_, i): TraceRecord => {
    arrivalMs += rng.exponential(40);
    const own = Array.from({ length: rng.integer(700) }, () => rng.integer(50_000));
    const tokens = [...shared.slice(0, i % 2 === 0 ? 600 : 530), ...own];
    const base = {
      promptTokens: tokens.length,
      outputTokens: 4,
      arrivalMs,
      blockIds: internHashes(fingerprintTokens(tokens), blocks),
      session: `s "${i % 7}", x`,
      turn: Math.floor(i / 7) + 1,
    };
    if (i % 10 === 3) return { ...base, finishReason: "timeout", elapsedMs: 500 };
    if (i % 10 === 4)
      return { ...base, ttftMs: 20, itlSummary: { meanMs: 9.5, count: 3 }, cachedTokens: 512 };
    return {
      ...base,
      ttftMs: 30 + rng.uniform(),
      itlMs: Float64Array.of(8, 9, 10.5),
      finishReason: "length",
    };
  });
  return {
    meta: { source: "test", blockSize: 16, extra: { n } },
    records,
    blocks,
    rejected: [],
    warnings: [],
  };
}

describe("exportTrace", () => {
  it("names the formats when it is given another, and describes each", async () => {
    await expect(exportTrace("xls", sample(2), scratch.path("x"))).rejects.toThrow(
      'exportTrace: format must be one of tap, mooncake, agentic-mooncake, aiperf, csv, parquet, perfetto, got "xls"',
    );
    for (const { description } of exportFormats) expect(description).toMatch(/^\S.{20,110}\S$/);
  });

  it.each(exportFormats.map(({ format }) => format))(
    "%s: a place that cannot be written is a clear error",
    async (format) => {
      await expect(exportTrace(format, sample(2), scratch.path("no/folder/x"))).rejects.toThrow(
        /cannot be written \(ENOENT\)/,
      );
    },
  );
});

describe("tap", () => {
  it("comes back whole", async () => {
    const trace = sample();
    await exportTrace("tap", trace, scratch.path("t.jsonl.gz"));
    const back = await readTrace(scratch.path("t.jsonl.gz"), { strict: true });
    expect(back.records.map((r) => recordToLine(r, back.blocks))).toEqual(
      trace.records.map((r) => recordToLine(r, trace.blocks)),
    );
  });
});

describe("mooncake", () => {
  it("makes blocks of 512 out of 32 blocks of 16, sharing what was shared", async () => {
    const trace = sample();
    await exportTrace("mooncake", trace, scratch.path("m.jsonl"));
    const back = await importTrace("mooncake", scratch.path("m.jsonl"), { strict: true });
    expect(back.records.map((r) => [r.promptTokens, r.outputTokens, r.arrivalMs])).toEqual(
      trace.records.map((r) => [r.promptTokens, r.outputTokens, Math.round(r.arrivalMs!)]),
    );
    for (const [i, record] of back.records.entries())
      for (const [j, other] of back.records.entries())
        for (let b = 0; b < Math.min(record.blockIds!.length, other.blockIds!.length); b++) {
          const small = [i, j].map((k) => trace.records[k]!.blockIds![32 * b + 31]);
          expect(record.blockIds![b] === other.blockIds![b]).toBe(small[0] === small[1]);
        }
    const tails = back.records.flatMap((r) => (r.tailBlockId === undefined ? [] : [r.tailBlockId]));
    expect(new Set(tails).size).toBe(tails.length);
  });

  it.skipIf(!existsSync(sharedData))(
    "gives a public trace back line by line (skipped where ../shared/data is absent)",
    async () => {
      const path = `${sharedData}mooncake/synthetic_trace.jsonl.gz`;
      await exportTrace("mooncake", await importTrace("mooncake", path), scratch.path("s.jsonl"));
      const parsed = (text: string) =>
        text
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown);
      expect(parsed(readFileSync(scratch.path("s.jsonl"), "utf8"))).toEqual(
        parsed(gunzipSync(readFileSync(path)).toString()),
      );
    },
  );

  it("refuses a trace without arrivals or with blocks that 512 is no multiple of", async () => {
    const trace = sample(3);
    const { arrivalMs: _, ...unplaced } = trace.records[1]!;
    const broken = { ...trace, records: [trace.records[0]!, unplaced] };
    await expect(exportTrace("mooncake", broken, scratch.path("x"))).rejects.toThrow(/request 1 has none/);
    const odd = { ...trace, meta: { ...trace.meta, blockSize: 24 } };
    await expect(exportTrace("mooncake", odd, scratch.path("x"))).rejects.toThrow(
      /cannot be made of blocks of 24/,
    );
  });
});

describe("csv", () => {
  it("is read back by the csv importer, quotes and commas included", async () => {
    const trace = sample();
    await exportTrace("csv", trace, scratch.path("t.csv.gz"));
    const back = await importTrace("csv", scratch.path("t.csv.gz"), { strict: true });
    const scalars = ({
      promptTokens,
      outputTokens,
      cachedTokens,
      arrivalMs,
      ttftMs,
      elapsedMs,
      session,
      turn,
      finishReason,
    }: TraceRecord) => ({
      promptTokens,
      outputTokens,
      cachedTokens,
      arrivalMs,
      ttftMs,
      elapsedMs,
      session,
      turn,
      finishReason,
    });
    expect(back.records.map(scalars)).toEqual(trace.records.map(scalars));
    expect(back.records[0]?.itlSummary?.meanMs).toBeCloseTo(27.5 / 3, 9);
    expect(back.records[3]?.itlSummary).toBeUndefined();
  });
});

describe("parquet", () => {
  it("reads the same in DuckDB: scalars, lists, unsigned 64-bit hashes", async () => {
    const trace = sample();
    const path = scratch.path("t.parquet");
    await exportTrace("parquet", trace, path);
    const connection = await (await DuckDBInstance.create()).connect();
    const reader = await connection.runAndReadAll(
      "select arrival_ms, prompt_tokens, ttft_ms, session, turn, len(itl_ms) as gaps, list_sum(itl_ms) as decode_ms, " +
        "len(block_hashes) as blocks, block_hashes[1]::varchar as first, block_hashes[-1]::varchar as last, " +
        `itl_mean_ms, finish_reason from read_parquet('${path.replaceAll("'", "''")}')`,
    );
    const rows = reader.getRowObjects();
    connection.closeSync();
    expect(rows).toHaveLength(trace.records.length);
    for (const [i, record] of trace.records.entries()) {
      const ids = record.blockIds!;
      expect(rows[i]).toEqual({
        arrival_ms: record.arrivalMs,
        prompt_tokens: record.promptTokens,
        ttft_ms: record.ttftMs ?? null,
        session: record.session,
        turn: record.turn,
        gaps: record.itlMs ? 3n : null,
        decode_ms: record.itlMs ? 27.5 : null,
        blocks: BigInt(ids.length),
        first: trace.blocks.text(ids[0]!),
        last: trace.blocks.text(ids.at(-1)!),
        itl_mean_ms: meanGapMs(record) ?? null,
        finish_reason: record.finishReason ?? null,
      });
    }
  });
});

describe("itl_mean_ms", () => {
  const record = (fields: Partial<TraceRecord>): TraceRecord => ({
    promptTokens: 20,
    outputTokens: 7,
    arrivalMs: 0,
    ttftMs: 20,
    ...fields,
  });
  const records = [
    record({ itlMs: Float64Array.of(12, 18), itlTokens: Int32Array.of(2, 4) }),
    record({ arrivalMs: 1, itlMs: Float64Array.of(12, 18) }),
    record({ arrivalMs: 2, itlSummary: { meanMs: 5.1, count: 6 } }),
    record({ arrivalMs: 3, outputTokens: 1, itlMs: new Float64Array() }),
    record({ arrivalMs: 4 }),
  ];
  const trace: Trace = {
    meta: { extra: {} },
    records,
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
  const perToken = [5, 5, 5.1, null, null];

  it("is the decode time per output token after the first in every table, however many chunks there were", async () => {
    expect(records.map((r) => meanGapMs(r) ?? null)).toEqual(perToken);

    const csvPath = scratch.path("mean.csv");
    await exportTrace("csv", trace, csvPath);
    const back = await importTrace("csv", csvPath);
    expect(back.records.map((r) => r.itlSummary?.meanMs ?? null)).toEqual(perToken);
    // A mean that is read back stands for the same time.
    expect(back.records.map(decodeMs).slice(0, 2)).toEqual([30, 30]);

    const tapPath = scratch.path("mean.jsonl");
    const parquetPath = scratch.path("mean.parquet");
    await exportTrace("tap", trace, tapPath);
    await exportTrace("parquet", trace, parquetPath);
    for (const path of [tapPath, parquetPath]) {
      const { rows } = await queryTraces("SELECT itl_mean_ms FROM requests ORDER BY arrival_ms", [path]);
      expect(rows.map(([mean]) => mean)).toEqual(perToken);
    }
  });
});

interface Span {
  ph: string;
  name: string;
  tid: number;
  ts: number;
  dur: number;
  args: { request: number; prefill: number; decode: number };
}

describe("perfetto", () => {
  async function spansOf(trace: Trace): Promise<Span[]> {
    await exportTrace("perfetto", trace, scratch.path("t.json"));
    return (JSON.parse(readFileSync(scratch.path("t.json"), "utf8")) as { traceEvents: Span[] }).traceEvents;
  }

  it("draws prefill and decode of each request end to end, in as many lanes as were in flight at most", async () => {
    const trace = sample();
    const events = await spansOf(trace);
    const spans = events.filter(({ ph }) => ph === "X");
    for (const [i, record] of trace.records.entries()) {
      const own = spans.filter(({ args }) => args.request === i);
      expect(own.map(({ name }) => name)).toEqual(
        record.ttftMs === undefined ? ["timeout"] : ["prefill", "decode"],
      );
      expect(own[0]!.ts).toBe(Math.round(record.arrivalMs! * 1000));
      expect(new Set(own.map(({ tid }) => tid)).size).toBe(1);
      if (own[1]) expect(own[1].ts).toBe(own[0]!.ts + own[0]!.dur);
    }
    const lanes = [...new Set(spans.map(({ tid }) => tid))].map((tid) => spans.filter((s) => s.tid === tid));
    for (const lane of lanes) {
      const ordered = lane.toSorted((a, b) => a.ts - b.ts);
      for (let i = 1; i < ordered.length; i++)
        expect(ordered[i]!.ts).toBeGreaterThanOrEqual(ordered[i - 1]!.ts + ordered[i - 1]!.dur);
    }
    const counts = events.filter(({ ph }) => ph === "C");
    expect(lanes).toHaveLength(Math.max(...counts.map(({ args }) => args.prefill + args.decode)));
    expect(counts.at(-1)?.args).toEqual({ prefill: 0, decode: 0 });
    expect(Math.min(...counts.map(({ args }) => Math.min(args.prefill, args.decode)))).toBe(0);
  });
});
